"""The periodic report in the log. Never a line for each window."""

import time
from collections.abc import Callable

from confluent_kafka import KafkaError

from bearing_stream.logs import Event
from consumer import events
from consumer.metrics import Metrics


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
        self._windows = 0
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

    def _report(self, event: Event) -> None:
        """Log the counts, and the windows per second since the last report."""
        now = self._clock()
        seconds = max(now - self._reported_at, 1e-9)
        rate = (self._metrics.windows - self._windows) / seconds
        events.emit(event, windows_per_s=round(rate, 1), **self._metrics.as_dict())
        self._reported_at, self._windows = now, self._metrics.windows
        self._logged.clear()
