"""Writes readings as Prometheus reads them, with the library that its makers provide."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from bearing_stream.observability.endpoint import Response
from bearing_stream.observability.metric import Distribution, Metric, Reading

PLAIN: Final = "text/plain; version=0.0.4"
"""The header `Accept` for what `merged` reads."""


class Exposition:
    """Reads metrics at each scrape."""

    def __init__(
        self, metrics: Sequence[Metric], readings: Callable[[], Iterable[Reading]]
    ) -> None:
        """Set up.

        Args:
            metrics: All that there are; one without readings has its description alone.
            readings: Returns their values now; called in any thread.
        """
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(lambda: _families(metrics, readings())))
        # Memory, CPU time and open files of this process, under the names that all exporters use.
        ProcessCollector(registry=self._registry)

    def scrape(self, accept: str) -> Response:
        """Return all metrics, in the format that the header `Accept` asks for."""
        return _response(self._registry, accept)


def merged(
    expositions: Iterable[tuple[str, str]],
    label: str,
    accept: str,
    more: Iterable[tuple[Metric, Sequence[Reading]]] = (),
) -> Response:
    """Return the metrics of several processes as those of one.

    Args:
        expositions: The value of a label for each process, and its metrics in the format `PLAIN`.
        label: Name of the label, which every sample gets.
        accept: The header `Accept` of the request.
        more: Metrics of this process, which get no label.
    """
    families: dict[str, Family] = {}
    for value, text in expositions:
        for family in text_string_to_metric_families(text):
            held = families.setdefault(family.name, family)
            labelled = [s._replace(labels={label: value, **s.labels}) for s in family.samples]
            held.samples = labelled if held is family else held.samples + labelled
    own = [family for metric, found in more for family in _families([metric], found)]
    registry = CollectorRegistry()
    registry.register(_Collector(lambda: iter([*own, *families.values()])))
    return _response(registry, accept)


class _Collector(Collector):
    def __init__(self, collect: Callable[[], Iterator[Family]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[Family]:
        return self._collect()


def _families(metrics: Sequence[Metric], readings: Iterable[Reading]) -> Iterator[Family]:
    by_metric: dict[str, list[Reading]] = {metric.name: [] for metric in metrics}
    for reading in readings:
        by_metric[reading.metric.name].append(reading)
    for metric in metrics:
        yield _family(metric, by_metric[metric.name])


def _family(metric: Metric, readings: Iterable[Reading]) -> Family:
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for reading in readings:
            assert isinstance(reading.value, Distribution)
            buckets = [(_bound(bound), count) for bound, count in reading.value.buckets]
            histogram.add_metric(reading.labels, buckets, reading.value.sum)
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.meaning, labels=metric.labels)
    for reading in readings:
        assert not isinstance(reading.value, Distribution)
        family.add_metric(reading.labels, reading.value)
    return family


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(bound)


def _response(registry: CollectorRegistry, accept: str) -> Response:
    encode, content_type = choose_encoder(accept)
    return Response(200, content_type, encode(registry))
