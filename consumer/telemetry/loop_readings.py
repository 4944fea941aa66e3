"""Takes the values of the metrics that every stage has, whenever they are asked for."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from bearing_stream.observability import Metric, Reading
from consumer.messages import Partition
from consumer.metrics import DispatchReason, Metrics, Rebalance
from consumer.telemetry import listed
from consumer.telemetry.partitions import Overview


@dataclass(slots=True, kw_only=True)
class LoopSources:
    """What readings are taken from.

    Args:
        metrics: The counts.
        owned: Returns the assigned partitions.
        overview: Returns what is known of them.
        is_ready: Returns whether the stage does its work now.
        polled_at: Seconds since the epoch of the last round of the loop; 0 before the first.
    """

    exported: ClassVar[tuple[Metric, ...]] = listed.LOOP_METRICS
    """All that there are readings of."""

    metrics: Metrics
    owned: Callable[[], frozenset[Partition]] = frozenset
    overview: Callable[[], Overview] = Overview
    is_ready: Callable[[], bool] = lambda: False
    polled_at: float = 0.0

    def readings(self) -> Iterator[Reading]:
        """Yield a reading of each metric and its labels, as they are now; for any thread."""
        yield from self.own_readings()
        yield from _counts(self.metrics)
        commits = self.metrics.distributions.commit_seconds
        yield Reading(listed.COMMIT, (), commits.distribution())
        yield Reading(listed.READY, (), float(self.is_ready()))
        yield Reading(listed.LAST_POLL, (), self.polled_at)
        yield from self._partitions()

    def own_readings(self) -> Iterable[Reading]:
        """Yield those of the metrics that other stages do not have."""
        return ()

    def lagging(self) -> frozenset[Partition]:
        """Return the assigned partitions that are not read to the end of what was sent."""
        found = self.overview().assigned.items()
        return self.blocked() | {
            name for name, one in found if one.lag or (one.ends and one.ends.high > one.ends.stable)
        }

    def blocked(self) -> frozenset[Partition]:
        """Return the assigned partitions of which nothing that is sent can be read.

        Kafka or their leader does not respond, or they stand behind a transaction that stays open.
        """
        overview = self.overview()
        if overview.error:
            return frozenset(self.owned())
        found = {
            name
            for name, one in overview.assigned.items()
            if one.ends is None or overview.undecided.get(name, 0.0) > 0
        }
        return frozenset(found | overview.stalled.keys())

    def _partitions(self) -> Iterator[Reading]:
        owned, overview = self.owned(), self.overview()
        yield Reading(listed.ASSIGNED, (), len(owned))
        for (topic, number), one in overview.assigned.items():
            if (topic, number) in owned and one.ends is not None:
                yield Reading(listed.LAG, (topic, str(number)), one.lag)
        for partition in sorted(set(owned) & (overview.assigned.keys() | overview.stalled.keys())):
            labels = partition[0], str(partition[1])
            is_stalled = float(partition in overview.stalled)
            yield Reading(listed.PARTITION_STALLED, labels, is_stalled)
        for (topic, number), seconds in overview.undecided.items():
            yield Reading(listed.UNDECIDED, (topic, str(number)), seconds)


def labelled(metric: Metric, counts: Counter[str], values: Iterable[str] = ()) -> Iterator[Reading]:
    """Yield a reading for each value of a metric's only label.

    Args:
        metric: With one label.
        counts: Value → count; the loop may add to it meanwhile.
        values: Those that begin at 0: a rule sees the first increase only of what was there before.
    """
    # Copied in one step, since the loop may add to them meanwhile.
    now = dict.fromkeys(map(str, values), 0) | {str(k): v for k, v in dict(counts).items()}
    for value, count in now.items():
        yield Reading(metric, (value,), count)


def _counts(metrics: Metrics) -> Iterator[Reading]:
    yield from labelled(listed.BATCHES, metrics.batches, DispatchReason)
    yield from labelled(listed.REBALANCES, metrics.rebalances, Rebalance)
    yield from labelled(listed.KAFKA_ERRORS, metrics.kafka_errors)
    for outcome, count in (("committed", metrics.commits), ("aborted", metrics.aborts)):
        yield Reading(listed.TRANSACTIONS, (outcome,), count)
    yield Reading(listed.SKIPPED, (), metrics.skipped)
    yield Reading(listed.REPEATED, (), metrics.repeated)
    yield Reading(listed.RESTARTED, (), metrics.restarted_partitions)
