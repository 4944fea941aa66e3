"""Structured log lines of the programs that run for long: what an event is, and the format.

Each program lists its events in a module `events` of its own. Importing this module loads neither
torch nor the Kafka client, nor structlog, whose import takes a twentieth of a second: `--help`
of a command needs only the list.
"""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import structlog


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of log line."""

    name: str
    """In snake_case, in the field `event`."""
    level: Literal["info", "warning", "error"]
    meaning: str
    """When it is logged, and what its fields hold."""
    action: str
    """What an operator should do about it."""


def log_event(logger: str, event: Event, fields: Mapping[str, Any]) -> None:
    """Log an event at its level, with fields, by the logger of this name."""
    import structlog

    getattr(structlog.get_logger(logger), event.level)(event.name, **fields)


def configure_logs(
    form: Literal["auto", "console", "json"],
    level: str,
    library_message: Event,
    context: Mapping[str, Any] | None = None,
) -> None:
    """Send the events and the log lines of libraries to standard error.

    Args:
        form: `json` is one object in each line; `auto` is `console` on a terminal, else `json`.
        level: Least severe level.
        library_message: The event as which the log line of a library appears, at its own level.
        context: Fields that every line has.
    """
    import structlog

    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_fields(context or {}),
    ]
    foreign = [*shared, structlog.stdlib.add_logger_name, _as_event(library_message)]
    renderers: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    renderers.insert(0, structlog.stdlib.ProcessorFormatter.remove_processors_meta)
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


def _as_event(library_message: Event) -> "structlog.typing.Processor":
    """Return the step that turns the log line of a library into an event."""

    def as_event(
        _logger: object, _method: str, fields: "structlog.typing.EventDict"
    ) -> "structlog.typing.EventDict":
        # `event` holds the name of an event, so the text goes to `detail`.
        return {**fields, "detail": fields["event"], "event": library_message.name}

    return as_event


def _with_fields(context: Mapping[str, Any]) -> "structlog.typing.Processor":
    """Return the step that adds these fields to every line."""

    def with_fields(
        _logger: object, _method: str, fields: "structlog.typing.EventDict"
    ) -> "structlog.typing.EventDict":
        return {**fields, **context}

    return with_fields
