"""The error of `bearing-stream capacity`."""


class CapacityError(Exception):
    """The capacity cannot be measured; the message states why."""
