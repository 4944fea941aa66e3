"""Event time as an integer: microseconds since the epoch."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Bound of the times that are taken: added to any delay, they can still be written."""


def microseconds(time: datetime) -> int:
    """Return µs since the epoch of a time with a time zone."""
    return (time - EPOCH) // timedelta(microseconds=1)


def from_microseconds(time: int) -> datetime:
    """Return the time, in UTC, of µs since the epoch."""
    return EPOCH + timedelta(microseconds=time)
