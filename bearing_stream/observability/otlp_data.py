"""Turns readings into what the SDK of OpenTelemetry exports (extra `otel`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from typing import Final

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as Exported
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from bearing_stream.observability.metric import Distribution, Metric, Reading

SCOPE: Final = "bearing-stream"

UNITS: Final = {"seconds": "s", "bytes": "By"}
"""Last word of a metric's name, but for `total` → its unit in UCUM."""


@dataclass(frozen=True, slots=True)
class Period:
    """What readings cover; nanoseconds since the epoch.

    Args:
        began: When counting began.
        now: When they were taken.
    """

    began: int
    now: int


def metrics_data(
    resource: Resource,
    metrics: Sequence[Metric],
    readings: Iterable[Reading],
    period: Period,
) -> MetricsData:
    """Return readings under the names that Prometheus scrapes, so that the same rules fit both.

    Counters and histograms are cumulative. Numbers are floats, as in Prometheus.

    Args:
        resource: Whose they are.
        metrics: All that there are; one without readings is left out.
        readings: Of these metrics.
        period: What they cover.
    """
    by_metric: dict[str, list[Reading]] = {metric.name: [] for metric in metrics}
    for reading in readings:
        by_metric[reading.metric.name].append(reading)
    found = [
        Exported(metric.name, metric.meaning, _unit(metric), _data(metric, held, period))
        for metric in metrics
        if (held := by_metric[metric.name])
    ]
    scope = InstrumentationScope(SCOPE, version(SCOPE))
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(scope, found, "")], "")])


def _unit(metric: Metric) -> str:
    return UNITS.get(metric.name.removesuffix("_total").rpartition("_")[2], "")


def _data(metric: Metric, readings: Sequence[Reading], period: Period) -> Sum | Gauge | Histogram:
    cumulative = AggregationTemporality.CUMULATIVE
    if metric.kind == "histogram":
        return Histogram([_histogram(one, period) for one in readings], cumulative)
    points = [_number(one, period) for one in readings]
    return Gauge(points) if metric.kind == "gauge" else Sum(points, cumulative, True)


def _labels(reading: Reading) -> dict[str, str]:
    return dict(zip(reading.metric.labels, reading.labels, strict=True))


def _number(reading: Reading, period: Period) -> NumberDataPoint:
    assert not isinstance(reading.value, Distribution)
    return NumberDataPoint(_labels(reading), period.began, period.now, float(reading.value))


def _histogram(reading: Reading, period: Period) -> HistogramDataPoint:
    assert isinstance(reading.value, Distribution)
    bounds, cumulated = zip(*reading.value.buckets, strict=True)
    counts = [after - before for before, after in pairwise((0, *cumulated))]
    return HistogramDataPoint(
        _labels(reading),
        period.began,
        period.now,
        count=cumulated[-1],
        sum=reading.value.sum,
        bucket_counts=counts,
        # The last is infinite, which OTLP implies.
        explicit_bounds=bounds[:-1],
        # Optional in OTLP, and left out where they are None. The SDK always knows them.
        min=None,  # type: ignore[arg-type]
        max=None,  # type: ignore[arg-type]
    )
