"""Compares the position of each partition with its end, and finds those that stand.

The consumer's own client cannot be asked: one that has stopped fetching a partition knows of no new
end there. So another client asks the brokers, in the background.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from bearing_stream.kafka import Ends, TransientKafkaError, Undecided
from consumer import events
from consumer.liveness.stall import in_thread
from consumer.messages import Partition, Positions

INTERVAL: Final = 5.0
"""Seconds between two questions about the ends of partitions."""

STANDS_AFTER: Final = 20.0
"""Seconds without a move, and with something behind the position, after which a partition is
probed: is there a message, or only the markers of transactions? A partition that stands is so found
within 40 seconds: this, an interval, and twice the time that Kafka may take."""


HANGS_AFTER: Final = 30.0
"""Seconds without a response, or an error, after which Kafka counts as away. A request and its
probes take less."""


class Cluster(Protocol):
    """The brokers, asked with a client of its own; see `cluster_ends.ClusterEnds`."""

    def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, Ends]:
        """Return the ends of these partitions, and of all of a topic that is written.

        A partition whose leader does not respond is left out.

        Raises:
            TransientKafkaError: The cluster does not respond.
        """

    def first_message(self, partition: Partition, position: int) -> int | None:
        """Return the offset of the first message at or after a position; None if there is none.

        Raises:
            TransientKafkaError: The broker does not respond.
        """


@dataclass(frozen=True, slots=True)
class PartitionState:
    """What is known of an assigned partition."""

    position: int
    """The next offset that the consumer expects; the last one while that is not known."""
    moved_at: float
    """Monotonic time at which it was first there, or had nothing more to read."""
    ends: Ends | None = None
    """None if its leader does not respond."""
    passed: int = -1
    """Up to this end no message can be read from the position on: markers of transactions only."""

    @property
    def lag(self) -> int:
        """Offsets to the last stable offset; 0 if no message is between."""
        if self.ends is None or self.ends.stable <= self.passed:
            return 0
        return max(self.ends.stable - self.position, 0)


@dataclass(frozen=True, slots=True)
class Overview:
    """What is known of all partitions; never changed, so any thread may read it."""

    assigned: Mapping[Partition, PartitionState] = field(default_factory=dict)
    stalled: Mapping[Partition, str] = field(default_factory=dict)
    """The assigned partitions that stand while others move, or whose leader is awaited → why."""
    undecided: Mapping[Partition, float] = field(default_factory=dict)
    """Partition → seconds for which its last stable offset has not moved though records follow it;
    0 without such records."""
    error: str = ""
    """Why Kafka does not respond; empty if it does."""


class PartitionWatch:
    """Asks for the ends of the assigned partitions from time to time."""

    def __init__(
        self,
        positions: Callable[[], Positions],
        owned: Callable[[], Collection[Partition]],
        cluster: Cluster,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[..., "Future[Any]"] = in_thread,
        awaited: Callable[[], Collection[Partition]] = frozenset,
    ) -> None:
        """Set up.

        Args:
            positions: Returns the next offset of each assigned partition where it is known.
            owned: Returns the assigned partitions.
            cluster: To ask.
            clock: Monotonic seconds.
            start: Starts a call in the background.
            awaited: Returns the assigned partitions whose leader did not respond when it was asked
                where they begin.
        """
        self._positions = positions
        self._owned = owned
        self._cluster = cluster
        self._clock = clock
        self._start = start
        self._awaited = awaited
        self._checked_at = clock() - INTERVAL
        self._asked: Positions = {}
        self._unresolved: Positions = {}
        self._ends: Future[Mapping[Partition, Ends]] | None = None
        self._probe: Future[Mapping[Partition, int | str | None]] | None = None
        self._undecided = Undecided[Partition]()
        self.overview = Overview()

    def check(self) -> None:
        """Ask if it is time, and take what was found; call it in every round, it never blocks."""
        if self._ends is not None and self._ends.done():
            ends, self._ends = self._ends, None
            self._take_ends(ends)
        if self._probe is not None and self._probe.done():
            probe, self._probe = self._probe, None
            self._take_probe(probe.result())
        if self._ends is None and self._probe is None:
            self._ask()
        elif not self.overview.error and self._clock() - self._checked_at >= HANGS_AFTER:
            self.overview = replace(
                self.overview, error=f"a request has hung for more than {HANGS_AFTER:g} s"
            )

    def _ask(self) -> None:
        now = self._clock()
        if now < self._checked_at + INTERVAL:
            return
        self._checked_at = now
        known, owned = self._positions(), self._owned()
        # While results cannot be delivered, no position is known; what arrives then lags all the
        # same, behind the last one.
        self._unresolved = {
            partition: offset
            for partition, offset in self._asked.items()
            if partition in owned and partition not in known
        }
        self._asked = {**known, **self._unresolved}
        self._ends = self._start(self._cluster.ends, list(self._asked))

    def _take_ends(self, found: "Future[Mapping[Partition, Ends]]") -> None:
        now, before = self._clock(), self.overview
        try:
            ends = found.result()
        except TransientKafkaError as failure:
            self.overview = replace(before, error=str(failure))
            return
        assigned = {
            partition: PartitionState(position, now, ends.get(partition))
            if partition in self._unresolved
            else _state(position, ends.get(partition), before.assigned.get(partition), now)
            for partition, position in self._asked.items()
        }
        moved = {name for name, one in assigned.items() if one.moved_at == now}
        stalled = {
            name: why
            for name, why in before.stalled.items()
            if name in assigned and name not in moved
        }
        for partition in self._awaited():
            # It has no position, so that nothing else shows that it stands.
            topic, number = partition
            stalled[partition] = (
                f"partition {number} of '{topic}' stands: its leader does not respond"
            )
        self.overview = Overview(assigned, stalled, self._undecided.seconds(ends, now))
        suspects = {
            name: one.position
            for name, one in assigned.items()
            if now - one.moved_at >= STANDS_AFTER
        }
        if suspects:
            self._probe = self._start(_probe, self._cluster, suspects)

    def _take_probe(self, found: Mapping[Partition, int | str | None]) -> None:
        positions, assigned = self._positions(), dict(self.overview.assigned)
        stalled = dict(self.overview.stalled)
        for partition, message in found.items():
            one = assigned.get(partition)
            if one is None or positions.get(partition) != one.position:
                # It moved, or went, meanwhile.
                continue
            if message is None:
                passed = -1 if one.ends is None else one.ends.stable
                assigned[partition] = replace(one, passed=passed, moved_at=self._clock())
            elif any(other.moved_at > one.moved_at for other in assigned.values()):
                self._note_stalled(partition, one.position, message, stalled)
        self.overview = replace(self.overview, assigned=assigned, stalled=stalled)

    @staticmethod
    def _note_stalled(
        partition: Partition, position: int, message: int | str, stalled: dict[Partition, str]
    ) -> None:
        topic, number = partition
        waits = f"a message waits at offset {message}" if isinstance(message, int) else message
        why = f"partition {number} of '{topic}' stands at offset {position}: {waits}"
        if partition not in stalled:
            events.emit(
                events.PARTITION_STALLED,
                topic=topic,
                partition=number,
                position=position,
                reason=waits,
            )
        stalled[partition] = why


def _state(
    position: int, ends: Ends | None, before: PartitionState | None, now: float
) -> PartitionState:
    if before is None or before.position != position:
        return PartitionState(position, now, ends)
    is_empty = ends is not None and ends.stable <= max(position, before.passed)
    return replace(before, ends=ends, moved_at=now if is_empty else before.moved_at)


def _probe(cluster: Cluster, suspects: Positions) -> dict[Partition, int | str | None]:
    """Find the first message of each partition from a position on; or why that is unknown."""
    found: dict[Partition, int | str | None] = {}
    for partition, position in suspects.items():
        try:
            found[partition] = cluster.first_message(partition, position)
        except TransientKafkaError as failure:
            found[partition] = str(failure)
    return found
