"""RFC 3339, the one form in which this project writes times."""

from datetime import UTC, datetime
from typing import Literal


def format_time(
    time: datetime, precision: Literal["seconds", "milliseconds", "microseconds"] = "microseconds"
) -> str:
    """RFC 3339 in UTC, `2026-01-31T12:00:00.000000Z`; further digits are cut off.

    Args:
        time: With a time zone.
        precision: Microseconds, as in headers; milliseconds, as Kafka's timestamps; or seconds.
    """
    return time.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
