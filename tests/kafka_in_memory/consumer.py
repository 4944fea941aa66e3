"""What the project uses of `confluent_kafka.Consumer`, on the cluster in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    OFFSET_INVALID,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from tests.kafka_in_memory.clock import Clock
from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.errors import kafka_error
from tests.kafka_in_memory.fetcher import Fetcher
from tests.kafka_in_memory.group import listed, positions_of
from tests.kafka_in_memory.log import Isolation
from tests.kafka_in_memory.metadata import ClusterMetadata, metadata
from tests.kafka_in_memory.polled import Polled


class InMemoryConsumer:
    """A consumer of one topic: assigned by hand, or a member of a group.

    Tests script the group's rebalances: `assign_later`, `revoke_later` and `evict`.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        group: str = "consumers",
        *,
        isolation: Isolation = "read_committed",
        auto_offset_reset: Literal["earliest", "latest"] = "earliest",
        partition_eof: bool = False,
        prefetch: int = 0,
        rival: Callable[[int, int], object] = lambda _partition, _most: None,
    ) -> None:
        """Set up.

        Args:
            cluster: Where it reads.
            clock: Passes when a poll returns nothing.
            group: Whose member it is, and whose offsets it reads and commits.
            isolation: As `isolation.level`.
            auto_offset_reset: Where it begins without a committed offset, and where it goes when
                the log does not hold its position.
            partition_eof: As `enable.partition.eof`.
            prefetch: Messages of each partition that it fetches before they are asked for.
            rival: Called with a partition that another member gets, and with how many messages
                that one is to process.
        """
        self._cluster, self._clock = cluster, clock
        self._group = group
        self.fetcher = Fetcher(cluster, isolation, auto_offset_reset, partition_eof, prefetch)
        self._rival = rival
        self._member: str | None = "member"
        self._callbacks: dict[str, Callable[..., None]] = {}
        self._rebalances: deque[tuple[bool, Callable[[], None]]] = deque()
        self._beginning: set[int] = set()
        """Assigned partitions that are not fetched yet: Kafka does not give their offsets."""
        self._calls = 0
        self._went_in = -1
        self.most = 1000
        """A second limit of the messages that one call returns, next to the one asked for."""

    def subscribe(self, topics: list[str], **callbacks: Callable[..., None]) -> None:
        self.fetcher.topic = topics[0]
        self._callbacks = callbacks
        self.assign_later(*range(len(self._cluster.topic(topics[0]).logs)))

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.fetcher.stop(list(self.fetcher.positions))
        for each in partitions:
            self.fetcher.topic = each.topic
            self.fetcher.start(each.partition, each.offset)

    def unassign(self) -> None:
        self.fetcher.stop(list(self.fetcher.positions))

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        self.fetcher.stop([each.partition for each in partitions])

    def assign_later(self, *partitions: int) -> None:
        self._rebalances.append((True, lambda: self._assign(partitions)))

    def revoke_later(self, partition: int, others: int = 0) -> None:
        """Give a partition to another member, that processes `others` messages, at a later poll."""
        self._rebalances.append((False, lambda: self._revoke((partition,), others)))

    def evict(self, others: int, back: Sequence[int] | None = None) -> None:
        """Put the consumer out of the group; it is notified of that when next polled.

        Args:
            others: Messages that the next owner of each partition processes at once.
            back: Partitions that it gets when it has joined again; by default all.
        """
        lost = (*self.fetcher.positions, *self._beginning)
        self._cluster.group(self._group).generation += 1
        self._member = None
        for partition in lost:
            self._rival(partition, others)
        self._rebalances.clear()
        self._rebalances.append((False, lambda: self._lose(lost)))
        everything = range(len(self._cluster.topic(self.fetcher.topic).logs))
        self.assign_later(*(everything if back is None else back))

    @property
    def is_member(self) -> bool:
        """Whether the group counts the consumer among its members now."""
        return self._member is not None

    def rebalance_at_once(self) -> None:
        """Carry out every rebalance that waits, as inside one long poll."""
        while self._rebalances:
            _, happen = self._rebalances.popleft()
            happen()

    def consume(self, most: int, timeout: float) -> list[Polled]:
        """Up to `most` messages. Its call is named `consume`; without timeout `consume_more`."""
        self._cluster.in_call("consume" if timeout else "consume_more")
        if timeout:
            self._rebalance()
        messages: list[Polled] = []
        for number in list(self.fetcher.positions):
            messages += self.fetcher.take(number, min(most, self.most) - len(messages))
        if not timeout:
            # What was taken out of the client's queue before stays taken after its partition went.
            self._rebalance()
        if not messages:
            self._clock.now += timeout
        return messages

    def assignment(self) -> list[TopicPartition]:
        self._cluster.in_call("assignment")
        return self._listed(self.fetcher.positions)

    def committed(self, partitions: list[TopicPartition], _timeout: float) -> list[TopicPartition]:
        """The group's offsets.

        Raises:
            KafkaException: UNSTABLE_OFFSET_COMMIT while a transaction with such an offset is open.
        """
        self._cluster.in_call("committed")
        asked = [(each.topic, each.partition) for each in partitions]
        found = self._cluster.group(self._group).fetch(asked)
        return listed({each: found.get(each, OFFSET_INVALID) for each in asked})

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        assert not asynchronous
        self._cluster.in_call("commit")
        if not self._member:
            raise kafka_error(KafkaError.UNKNOWN_MEMBER_ID)
        self._cluster.group(self._group).commit(positions_of(offsets))
        return offsets

    def seek(self, where: TopicPartition) -> None:
        """Go elsewhere; raises `_STATE` where the partition is not assigned."""
        self._cluster.in_call("seek")
        if where.partition not in self.fetcher.positions:
            raise kafka_error(KafkaError._STATE)
        self.fetcher.start(where.partition, where.offset)

    def get_watermark_offsets(
        self,
        where: TopicPartition,
        timeout: float = -1,  # noqa: ARG002
        cached: bool = False,
    ) -> tuple[int, int]:
        """The log start and its end: cached the high watermark, else by the isolation level."""
        self._cluster.in_call("get_watermark_offsets")
        log = self._cluster.log_of(where.topic, where.partition)
        return log.start, log.high_watermark if cached else log.end(self.fetcher.isolation)

    def list_topics(self, topic: str | None = None, _timeout: float = -1) -> ClusterMetadata:
        self._cluster.in_call("list_topics")
        return metadata(self._cluster, topic)

    def offsets_for_times(
        self, partitions: list[TopicPartition], _timeout: float = -1
    ) -> list[TopicPartition]:
        """By time in milliseconds, or by Kafka's names for both ends."""
        self._cluster.in_call("offsets_for_times")
        return [TopicPartition(p.topic, p.partition, self._offset_at(p)) for p in partitions]

    def consumer_group_metadata(self) -> int | None:
        self._cluster.in_call("consumer_group_metadata")
        return self._cluster.group(self._group).generation if self._member else None

    def memberid(self) -> str | None:
        self._cluster.in_call("memberid")
        return self._member

    def close(self) -> None:
        if self._callbacks:
            self._revoke(tuple(self.fetcher.positions), 0)

    def _offset_at(self, asked: TopicPartition) -> int:
        log = self._cluster.log_of(asked.topic, asked.partition)
        if asked.offset == OFFSET_BEGINNING:
            return log.start
        if asked.offset == OFFSET_END:
            return log.end(self.fetcher.isolation)
        if asked.offset < 0:
            raise kafka_error(KafkaError.UNSUPPORTED_VERSION)
        later = (
            entry.offset
            for entry in log.records(self.fetcher.isolation)
            if entry.message is not None and entry.message.timestamp >= asked.offset
        )
        return next(later, OFFSET_END)

    def _assign(self, partitions: Sequence[int]) -> None:
        self._member = "member"
        self._cluster.group(self._group).generation += 1
        owned = self._beginning | self.fetcher.positions.keys()
        taken = [number for number in partitions if number not in owned]
        self._callbacks["on_assign"](self, self._listed(taken))
        self._beginning |= set(taken)
        self._begin(taken)

    def _begin(self, partitions: Sequence[int]) -> None:
        """Begin to fetch the partitions of an assignment that are still assigned."""
        asked = [(self.fetcher.topic, number) for number in partitions if number in self._beginning]
        try:
            found = self._cluster.group(self._group).fetch(asked)
        except KafkaException:
            # Kafka gives no offsets before the transaction with them has ended.
            self._rebalances.append((True, lambda: self._begin(partitions)))
            return
        for partition in asked:
            self.fetcher.start(partition[1], found.get(partition))
            self._beginning.remove(partition[1])

    def _revoke(self, partitions: Sequence[int], others: int) -> None:
        group = self._cluster.group(self._group)
        if group.undecided:
            # Only a broker that dies leaves any, and then partitions are lost and not revoked.
            return
        owned = self._beginning | self.fetcher.positions.keys()
        gone = [number for number in partitions if number in owned]
        self._callbacks["on_revoke"](self, self._listed(gone))
        self._beginning -= set(gone)
        group.generation += 1
        self.fetcher.stop(gone)
        for number in gone:
            self._rival(number, others)

    def _lose(self, partitions: Sequence[int]) -> None:
        self._callbacks["on_lost"](self, self._listed(partitions))
        self._beginning -= set(partitions)
        self.fetcher.stop(partitions)

    def _rebalance(self) -> None:
        self._calls += 1
        if not self._rebalances:
            return
        is_assignment, happen = self._rebalances[0]
        if not is_assignment:
            self._went_in = self._calls
        elif self._calls < self._went_in + 2:
            # What went takes round trips to come back: not inside the same poll, of two calls.
            return
        self._rebalances.popleft()
        happen()

    def _listed(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self.fetcher.topic, number) for number in partitions]
