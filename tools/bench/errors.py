"""The error of the measurements."""


class BenchError(RuntimeError):
    """A measurement that yields no figure; the message states why."""
