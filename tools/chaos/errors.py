"""The error that ends a trial."""


class ChaosError(Exception):
    """The system broke a promise under a fault; one line names the promise, and the place."""
