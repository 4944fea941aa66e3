"""Structured log lines: their format, and the periodic report. Never a line for each window."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Literal

import structlog
from confluent_kafka import KafkaError

from consumer import events
from consumer.metrics import Metrics


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
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if console
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=renderer,
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _as_library_message],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.format_exc_info,
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
    fields["event"] = events.LIBRARY_MESSAGE.name
    return fields


class Reporter:
    """Logs the counts periodically, and each kind of transient error once in each period."""

    def __init__(
        self, metrics: Metrics, interval: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Report every `interval` seconds."""
        self._metrics = metrics
        self._interval = interval
        self._clock = clock
        self._reported_at = clock()
        self._diagnosed = 0
        self._logged: set[str] = set()

    def note_error(self, error: KafkaError) -> None:
        """Count a transient error; log it unless its kind was logged since the last report."""
        kind = error.name()
        self._metrics.kafka_errors[kind] += 1
        if kind not in self._logged:
            self._logged.add(kind)
            events.emit(events.KAFKA_ERROR, kind=kind, detail=error.str())

    def report_if_due(self) -> None:
        """Log the counts if the interval is over."""
        if self._clock() - self._reported_at >= self._interval:
            self._report(events.REPORT)

    def report_end(self) -> None:
        """Log the final counts."""
        self._report(events.STOPPED)

    def _report(self, event: events.Event) -> None:
        """Log the counts, and the windows per second since the last report."""
        now = self._clock()
        seconds = max(now - self._reported_at, 1e-9)
        rate = (self._metrics.diagnosed - self._diagnosed) / seconds
        events.emit(event, windows_per_s=round(rate, 1), **self._metrics.as_dict())
        self._reported_at, self._diagnosed = now, self._metrics.diagnosed
        self._logged.clear()
