"""Takes the values of all metrics, whenever they are asked for."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

from bearing_stream.observability import Metric, Reading
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS
from bearing_stream.wire import RejectionReason
from consumer.batch import Partition
from consumer.metrics import DispatchReason, Metrics, Rebalance
from consumer.telemetry import listed
from consumer.telemetry.observers import SensorActivity
from consumer.telemetry.partitions import Overview
from model.assessor import Assessor


@dataclass(slots=True)
class Sources:
    """What readings are taken from; what is None does not exist yet.

    Args:
        metrics: The counts.
        sensors: Which sensors send.
        guarantee: Of the consumer.
        assessor: The model.
        owned: Returns the assigned partitions.
        overview: Returns what is known of them.
        polled_at: Seconds since the epoch of the last round of the loop; 0 before the first.
    """

    metrics: Metrics
    sensors: SensorActivity
    guarantee: str
    assessor: Assessor | None = None
    owned: Callable[[], frozenset[Partition]] = frozenset
    overview: Callable[[], Overview] = Overview
    polled_at: float = 0.0

    def readings(self) -> Iterator[Reading]:
        """Yield a reading of each metric and its labels, as they are now; for any thread."""
        if self.assessor is not None:
            yield _build_info(self.assessor, self.guarantee)
        yield from _counts(self.metrics)
        yield from _distributions(self.metrics)
        yield Reading(listed.LAST_POLL, (), self.polled_at)
        yield from self._partitions()

    def _partitions(self) -> Iterator[Reading]:
        owned, overview = self.owned(), self.overview()
        yield Reading(listed.ASSIGNED, (), len(owned))
        assigned = {name: one for name, one in overview.assigned.items() if name in owned}
        for (topic, number), one in assigned.items():
            labels = topic, str(number)
            is_stalled = float((topic, number) in overview.stalled)
            yield Reading(listed.LAG, labels, one.lag)
            yield Reading(listed.PARTITION_STALLED, labels, is_stalled)
        for (topic, number), seconds in overview.undecided.items():
            yield Reading(listed.UNDECIDED, (topic, str(number)), seconds)
        lagging = {name for name, one in assigned.items() if one.lag}
        counts = self.sensors.counts(owned, lagging, time.time())
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
    # Each begins at 0: a rule sees the first increase only of what was there before.
    predictions = (*FAULT_LABELS, "Unknown")
    yield from _labelled(listed.DIAGNOSES, metrics.predictions, predictions)
    yield from _labelled(listed.UNCERTAIN, metrics.uncertain, QUALITY_FLAGS)
    yield from _labelled(listed.DEAD_LETTERS, metrics.dead_letters, RejectionReason)
    yield from _labelled(listed.IGNORED_HEADERS, metrics.ignored_headers)
    yield from _labelled(listed.BATCHES, metrics.batches, DispatchReason)
    yield from _labelled(listed.REBALANCES, metrics.rebalances, Rebalance)
    yield from _labelled(listed.KAFKA_ERRORS, metrics.kafka_errors)
    for outcome, count in (("committed", metrics.commits), ("aborted", metrics.aborts)):
        yield Reading(listed.TRANSACTIONS, (outcome,), count)
    yield Reading(listed.WINDOWS, (), metrics.windows)
    yield Reading(listed.SKIPPED, (), metrics.skipped)
    yield Reading(listed.REPEATED, (), metrics.repeated)
    yield Reading(listed.RESTARTED, (), metrics.restarted_partitions)
    yield Reading(listed.DEVICE_FALLBACKS, (), metrics.device_fallbacks)


def _distributions(metrics: Metrics) -> Iterator[Reading]:
    found = metrics.distributions
    for metric, histogram in (
        (listed.BATCH_WINDOWS, found.batch_windows),
        (listed.INFERENCE, found.inference_seconds),
        (listed.COMMIT, found.commit_seconds),
        (listed.LATENCY, found.latency_seconds),
        (listed.FRESHNESS, found.freshness_seconds),
    ):
        yield Reading(metric, (), histogram.distribution())


def _labelled(
    metric: Metric, counts: Counter[str], values: Iterable[str] = ()
) -> Iterator[Reading]:
    # Copied in one step, since the loop may add to them meanwhile.
    now = dict.fromkeys(map(str, values), 0) | {str(k): v for k, v in dict(counts).items()}
    for value, count in now.items():
        yield Reading(metric, (value,), count)
