"""What the consumer says of itself: structured log lines, never one a window."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Literal

import structlog
from confluent_kafka import KafkaError

from consumer.metrics import Metrics


def configure_logs(form: Literal["auto", "console", "json"], level: str) -> None:
    """Send log lines, ours and those of the standard library, to standard error.

    Args:
        form: `json` is an object a line; `auto` takes `console` on a terminal, else `json`.
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
        structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared)
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


class Reporter:
    """Logs the counts now and then, and each kind of passing error once in that time."""

    def __init__(
        self, metrics: Metrics, interval: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Report every `interval` seconds."""
        self._metrics = metrics
        self._interval = interval
        self._clock = clock
        self._log = structlog.get_logger("consumer")
        self._reported_at = clock()
        self._diagnosed = 0
        self._told: set[str] = set()

    def note_error(self, error: KafkaError) -> None:
        """Count an error that passes, and log it unless its kind was logged since the report."""
        name = error.name()
        self._metrics.kafka_errors[name] += 1
        if name not in self._told:
            self._told.add(name)
            self._log.warning("Kafka reports trouble; waiting for it to pass", error=error.str())

    def report_if_due(self) -> None:
        """Log the counts if the interval is over."""
        if self._clock() - self._reported_at >= self._interval:
            self.report("progress")

    def report(self, event: str) -> None:
        """Log the counts, and windows a second since the last report."""
        now = self._clock()
        seconds = max(now - self._reported_at, 1e-9)
        rate = (self._metrics.diagnosed - self._diagnosed) / seconds
        self._log.info(event, windows_per_s=round(rate, 1), **self._metrics.as_dict())
        self._reported_at, self._diagnosed = now, self._metrics.diagnosed
        self._told.clear()
