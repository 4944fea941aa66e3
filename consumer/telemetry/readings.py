"""Takes the values of the metrics that only `consume` has."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import ClassVar

from bearing_stream.observability import Metric, Reading
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS
from bearing_stream.wire import RejectionReason
from consumer.metrics import Metrics
from consumer.telemetry import listed
from consumer.telemetry.loop_readings import LoopSources, labelled
from consumer.telemetry.observers import SensorActivity
from model.assessor import Assessor


@dataclass(slots=True, kw_only=True)
class Sources(LoopSources):
    """What the readings of a consumer are taken from; what is None does not exist yet.

    Args:
        sensors: Which sensors send.
        guarantee: Of the consumer.
        assessor: The model.
    """

    exported: ClassVar[tuple[Metric, ...]] = listed.METRICS

    sensors: SensorActivity
    guarantee: str
    assessor: Assessor | None = None

    def own_readings(self) -> Iterator[Reading]:
        """See `LoopSources`."""
        if self.assessor is not None:
            yield _build_info(self.assessor, self.guarantee)
        yield from _counts(self.metrics)
        yield from _distributions(self.metrics)
        counts = self.sensors.counts(self.owned(), self.lagging(), time.time())
        yield Reading(listed.SENSORS_ACTIVE, (), counts.active)
        yield Reading(listed.SENSORS_SILENT, (), counts.silent)


def _build_info(assessor: Assessor, guarantee: str) -> Reading:
    labels = (
        version("bearing-stream"),
        assessor.name,
        assessor.version,
        assessor.backend,
        assessor.device,
        guarantee,
    )
    return Reading(listed.BUILD_INFO, labels, 1)


def _counts(metrics: Metrics) -> Iterator[Reading]:
    predictions = (*FAULT_LABELS, "Unknown")
    yield from labelled(listed.DIAGNOSES, metrics.predictions, predictions)
    yield from labelled(listed.UNCERTAIN, metrics.uncertain, QUALITY_FLAGS)
    yield from labelled(listed.DEAD_LETTERS, metrics.dead_letters, RejectionReason)
    yield from labelled(listed.IGNORED_HEADERS, metrics.ignored_headers)
    yield Reading(listed.WINDOWS, (), metrics.windows)
    yield Reading(listed.DEVICE_FALLBACKS, (), metrics.device_fallbacks)


def _distributions(metrics: Metrics) -> Iterator[Reading]:
    found = metrics.distributions
    for metric, histogram in (
        (listed.BATCH_WINDOWS, found.batch_windows),
        (listed.INFERENCE, found.inference_seconds),
        (listed.LATENCY, found.latency_seconds),
        (listed.FRESHNESS, found.freshness_seconds),
    ):
        yield Reading(metric, (), histogram.distribution())
