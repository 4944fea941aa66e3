"""Every event that the page logs, listed once.

As in the log of the consumer, a line has the name of an event in the field `event` and the facts in
further fields. Names are stable; programs may depend on them.
"""

from typing import Any, Final

from bearing_stream.commands.http_server import LIBRARY_MESSAGE
from bearing_stream.logs import Event, log_event

WAITING: Final = Event(
    "waiting",
    "info",
    "Kafka is unreachable or the diagnoses topic is missing, as `detail` states. The page states "
    "it too, and waits, if `startup_timeout` is set for so many seconds at most.",
    "Start Kafka or the consumer; check `bootstrap_servers` and `diagnoses_topic`.",
)

READY: Final = Event(
    "ready",
    "info",
    "The page can be opened at `address`; it reads `topic` as soon as Kafka responds. `process` "
    "is the id of the process.",
    "None.",
)

STOPPED: Final = Event("stopped", "info", "After SIGTERM or SIGINT, the process ends.", "None.")

TABLE_CHANGED: Final = Event(
    "table_changed",
    "info",
    "The table of sensors, or a baseline that it names, has changed on disk; lines are drawn with "
    "it from now on.",
    "None.",
)

TABLE_INVALID: Final = Event(
    "table_invalid",
    "warning",
    "The table of sensors has changed and cannot be used, for the reason in `reason`. The one that "
    "was read before stays in use.",
    "Correct the table; it is then read by itself.",
)

EVENTS: Final = (WAITING, READY, TABLE_CHANGED, TABLE_INVALID, STOPPED, LIBRARY_MESSAGE)
"""All of them."""


def emit(event: Event, **fields: Any) -> None:
    """Log an event at its level, with the fields that its `meaning` names."""
    log_event("page", event, fields)
