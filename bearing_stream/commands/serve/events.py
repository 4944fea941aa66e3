"""Every event that the HTTP service logs, listed once.

As in the log of the consumer, a line has the name of an event in the field `event` and the facts in
further fields. Names are stable; programs may depend on them.
"""

from typing import Any, Final

from bearing_stream.commands.http_server import LIBRARY_MESSAGE
from bearing_stream.logs import Event, log_event

READY: Final = Event(
    "ready",
    "info",
    "The service accepts requests at `address`. `model` and `device` are those in use; `process` "
    "is the id of the process.",
    "None.",
)

STOPPED: Final = Event(
    "stopped",
    "info",
    "After SIGTERM or SIGINT, the requests in progress have ended, and so does the process.",
    "None.",
)

EVENTS: Final = (READY, STOPPED, LIBRARY_MESSAGE)
"""All of them."""


def emit(event: Event, **fields: Any) -> None:
    """Log an event at its level, with the fields that its `meaning` names."""
    log_event("serve", event, fields)
