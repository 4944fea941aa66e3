"""Event time as an integer: microseconds since the epoch."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Bound of the times that are taken: added to any delay, they can still be written."""

_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    """Return µs since the epoch of a time with a time zone."""
    return (time - EPOCH) // _MICROSECOND


def check(time: datetime) -> None:
    """Raise ValueError unless a time can be taken: it is from the epoch to `LATEST`."""
    if not EPOCH <= time < LATEST:
        raise ValueError(f"expected a time from 1970 to 8999, got {time.isoformat()}")


def from_microseconds(time: int) -> datetime:
    """Return the time, in UTC, of µs since the epoch."""
    return EPOCH + timedelta(microseconds=time)
