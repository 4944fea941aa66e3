"""What ends a trial."""


class ChaosError(Exception):
    """The system did not do what it promises under a fault; one line says what, and where."""
