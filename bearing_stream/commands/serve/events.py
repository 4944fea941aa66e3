"""Every event that the HTTP service logs, listed once, and the format of its log lines.

As in the log of the consumer, a line has the name of an event in the field `event` and the facts in
further fields. Names are stable; programs may depend on them.
"""

import logging
import sys
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """A kind of log line."""

    name: str
    """In snake_case, in the field `event`."""
    level: Literal["info", "warning", "error"]
    meaning: str
    """When it is logged, and what its fields hold."""
    action: str
    """What an operator should do about it."""


READY: Final = ServiceEvent(
    "ready",
    "info",
    "The service accepts requests at `address`. `model` and `device` are those in use; `process` "
    "is the id of the process.",
    "None.",
)

STOPPED: Final = ServiceEvent(
    "stopped",
    "info",
    "After SIGTERM or SIGINT, the requests in progress have ended, and so does the process.",
    "None.",
)

LIBRARY_MESSAGE: Final = ServiceEvent(
    "library_message",
    "warning",
    "A library, named in `logger`, logged the text in `detail`, at a level of its own. An error "
    "with a traceback in `exception` is a request that failed with status 500.",
    "Read `detail`; report a traceback.",
)

EVENTS: Final = (READY, STOPPED, LIBRARY_MESSAGE)
"""All of them."""


def emit(event: ServiceEvent, **fields: Any) -> None:
    """Log an event at its level, with the fields that its `meaning` names."""
    getattr(structlog.get_logger("serve"), event.level)(event.name, **fields)


def configure_logs(form: Literal["auto", "console", "json"], level: str) -> None:
    """Send the events and the log lines of libraries to standard error.

    Args:
        form: `json` is one object in each line; `auto` is `console` on a terminal, else `json`.
        level: Least severe level.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    foreign = [*shared, structlog.stdlib.add_logger_name, _as_library_message]
    renderers: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
    ]
    if not console:
        renderers[1:] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=renderers, foreign_pre_chain=foreign)
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _as_library_message(
    _logger: object, _method: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Move the text of a library's log line to `detail`: `event` holds the name of an event."""
    fields["detail"] = fields["event"]
    fields["event"] = LIBRARY_MESSAGE.name
    return fields
