"""Pushes readings and spans through OTLP, with the SDK of OpenTelemetry (extra `otel`).

The variables `OTEL_*` of its specification name where to, how often, and what the process is:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Literal

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Tracer

from bearing_stream.observability.metric import Metric, Reading
from bearing_stream.observability.otlp_data import SCOPE, Period, metrics_data
from bearing_stream.observability.otlp_variables import check

LAST_PUSH: Final = 1.0
"""Seconds at the end of a process for what was not pushed yet; after that it is dropped."""

QUIET: Final = 300.0
"""Seconds before the SDK may log the same message again: it logs each attempt of a push."""

PROTOCOL: Final = "http/protobuf"

_INSTANCE: Final = "service.instance.id"

_LOGGERS: Final = (
    OTLPMetricExporter.__module__,
    OTLPSpanExporter.__module__,
    "opentelemetry.sdk._shared_internal",
)
"""Those through which the SDK reports a collector that is away."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exporters:
    """What pushes each signal; None where that is turned off.

    Args:
        metrics: Of the readings.
        spans: Of the spans.
        interval: Seconds between two pushes of the readings.
    """

    metrics: MetricExporter | None
    spans: SpanExporter | None
    interval: float = 60.0

    @classmethod
    def of_environment(cls) -> "Exporters":
        """Return those that the variables `OTEL_*` describe.

        Raises:
            ValueError: One of them has a value that cannot be used; the message names it.
        """
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return cls(None, None)
        check(os.environ)
        return cls(
            OTLPMetricExporter() if _is_pushed("METRICS") else None,
            OTLPSpanExporter() if _is_pushed("TRACES") else None,
            int(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL") or 60_000) / 1000,
        )


def _is_pushed(signal: Literal["METRICS", "TRACES"]) -> bool:
    variable = f"OTEL_{signal}_EXPORTER"
    exporter = os.environ.get(variable) or "otlp"
    if exporter not in ("otlp", "none"):
        raise ValueError(f"{variable}: expected otlp or none, got {exporter!r}")
    for variable in (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if exporter == "otlp" and (protocol := os.environ.get(variable)):
            if protocol != PROTOCOL:
                raise ValueError(
                    f"{variable}: expected {PROTOCOL}, got {protocol!r}; a collector listens for "
                    "it at port 4318, as a rule"
                )
            break
    return exporter == "otlp"


def resource_of(defaults: Mapping[str, str], replica: int = 0) -> Resource:
    """Return what a process is.

    Args:
        defaults: Attributes where neither `OTEL_RESOURCE_ATTRIBUTES` nor `OTEL_SERVICE_NAME` has
            them. Without a `service.instance.id`, the SDK makes a random one.
        replica: Number of this process among those with the same environment, if there are others:
            it is added to a `service.instance.id` from there.
    """
    given = dict(OTELResourceDetector().detect().attributes)
    if replica and _INSTANCE in given:
        given[_INSTANCE] = f"{given[_INSTANCE]}-{replica}"
    return Resource.create({**defaults, **given})


class Push:
    """Pushes readings at an interval, and the spans of its tracer in batches.

    Both happen in threads of their own. What cannot be pushed is dropped: the readings, which the
    next ones replace, and of the spans those beyond the queue (`OTEL_BSP_MAX_QUEUE_SIZE`).
    """

    def __init__(self, exporters: Exporters, resource: Resource) -> None:
        """Set up; `exporters` push in the name of `resource`."""
        self._exporters = exporters
        self._resource = resource
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        if exporters.spans is not None:
            self._provider.add_span_processor(BatchSpanProcessor(exporters.spans))
        self._stopped = threading.Event()
        self._quiet = _Quiet()
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self._quiet)

    @property
    def tracer(self) -> Tracer | None:
        """Makes spans, of any thread; None if they are not pushed."""
        if self._exporters.spans is None:
            return None
        return self._provider.get_tracer(SCOPE, version(SCOPE))

    @contextmanager
    def pushing(
        self, metrics: Sequence[Metric], readings: Callable[[], Iterable[Reading]]
    ) -> Iterator[None]:
        """Push while the block lasts, and what is left for `LAST_PUSH` at most; use it once.

        Args:
            metrics: All that there are.
            readings: Returns their values now; called in another thread.
        """
        began = time.time_ns()

        def push_at_intervals() -> None:
            while not self._stopped.wait(self._exporters.interval):
                self._push(metrics, readings, began)
            self._push(metrics, readings, began)

        thread = threading.Thread(target=push_at_intervals, name="otlp", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._close(thread)

    def _push(
        self, metrics: Sequence[Metric], readings: Callable[[], Iterable[Reading]], began: int
    ) -> None:
        if self._exporters.metrics is None:
            return
        try:
            period = Period(began, time.time_ns())
            self._exporters.metrics.export(
                metrics_data(self._resource, metrics, readings(), period)
            )
        except Exception:
            _log.exception("metrics are not pushed")

    def _close(self, pushing: threading.Thread) -> None:
        """Push what is left. The SDK itself would wait for 30 s."""
        self._stopped.set()
        spans = threading.Thread(target=self._provider.shutdown, name="otlp-spans", daemon=True)
        spans.start()
        end = time.monotonic() + LAST_PUSH
        for thread in (pushing, spans):
            thread.join(max(end - time.monotonic(), 0.0))
        self._quiet.is_closed = pushing.is_alive() or spans.is_alive()
        if self._exporters.metrics is not None:
            self._exporters.metrics.shutdown()
        if spans.is_alive() and self._exporters.spans is not None:
            # Ends the attempt that goes on.
            self._exporters.spans.shutdown()


class _Quiet(logging.Filter):
    """Lets a message pass once in `QUIET` seconds, whatever its arguments, until it is closed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self.is_closed = False
        self._passed: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        now, message = self._clock(), (record.name, record.msg)
        if self.is_closed or now - self._passed.get(message, -QUIET) < QUIET:
            return False
        self._passed[message] = now
        return True
