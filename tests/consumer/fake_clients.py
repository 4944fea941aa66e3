"""The two Kafka clients of the consumer, on the cluster in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from bearing_stream.wire import Message
from consumer.batch import Partition, Positions
from consumer.delivery.recovery import Ends, Journal, Seen
from tests.consumer.fakes import (
    DEAD_LETTERS,
    WINDOWS,
    Clock,
    Cluster,
    FakeMessage,
    abortable,
    fenced,
    kafka_error,
    timed_out,
)


class FakeConsumer:
    """What `WindowSource` uses of `confluent_kafka.Consumer`."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster, self._clock = cluster, clock
        self._positions: dict[int, int] = {}
        self._member: str | None = "member"
        self._callbacks: dict[str, Callable[..., None]] = {}
        self._rebalances: deque[tuple[bool, Callable[[], None]]] = deque()
        self._calls = 0
        self._went_in = -1
        self.begins_at = 0
        """Where a partition begins of which nothing was ever committed."""
        self.out_of_range_at: int | None = None
        """Where it goes when its place does not exist; by default to the first message there is."""
        self.most = 1000
        """Messages that one call returns at most, whatever was asked for."""

    def subscribe(self, _topics: list[str], **callbacks: Callable[..., None]) -> None:
        self._callbacks = callbacks
        self.assign_later(*range(self._cluster.partitions))

    def assign_later(self, *partitions: int) -> None:
        self._rebalances.append((True, lambda: self._assign(partitions)))

    def revoke_later(self, partition: int, others: int = 0) -> None:
        """Give a partition to another member, that does `others` windows, when next polled."""
        self._rebalances.append((False, lambda: self._revoke((partition,), others)))

    def evict(self, others: int) -> None:
        """Put the consumer out of the group; it hears of that when next polled."""
        lost = tuple(self._positions)
        self._cluster.generation += 1
        self._member = None
        for partition in lost:
            self._cluster.another_consumer_takes(partition, others)
        self._rebalances.clear()
        self._rebalances.append((False, lambda: self._lose(lost)))
        self.assign_later(*range(self._cluster.partitions))

    def rebalance_at_once(self) -> None:
        """Hear of everything that waits to be heard of, as inside one long poll."""
        while self._rebalances:
            _, happen = self._rebalances.popleft()
            happen()

    def _assign(self, partitions: Sequence[int]) -> None:
        self._member = "member"
        self._cluster.generation += 1
        taken = [number for number in partitions if number not in self._positions]
        self._callbacks["on_assign"](self, _listed(taken))
        self._begin(taken)

    def _begin(self, partitions: Sequence[int]) -> None:
        if self._cluster.undecided_offsets:
            # Kafka does not tell where before they are decided.
            self._rebalances.append((True, lambda: self._begin(partitions)))
            return
        for number in partitions:
            self._positions[number] = self._cluster.committed.get((WINDOWS, number), self.begins_at)

    def _revoke(self, partitions: Sequence[int], others: int) -> None:
        if self._cluster.undecided_offsets:
            # Only a broker that dies leaves any, and then partitions are lost and not revoked.
            return
        gone = [number for number in partitions if number in self._positions]
        self._callbacks["on_revoke"](self, _listed(gone))
        self._cluster.generation += 1
        for number in gone:
            del self._positions[number]
            self._cluster.another_consumer_takes(number, others)

    def _lose(self, partitions: Sequence[int]) -> None:
        self._callbacks["on_lost"](self, _listed(partitions))
        for number in partitions:
            self._positions.pop(number, None)

    def consume(self, most: int, timeout: float) -> list[FakeMessage]:
        self._cluster.in_call("consume" if timeout else "consume_more")
        if timeout:
            self._rebalance()
        messages: list[FakeMessage] = []
        for number, position in self._positions.items():
            begins = self._cluster.begins.get(number, 0)
            if not begins <= position <= len(self._cluster.log[number]):
                self._positions[number] = position = self.out_of_range_at or begins
            room = min(most, self.most) - len(messages)
            taken = self._cluster.log[number][position : position + room]
            self._positions[number] += len(taken)
            messages += taken
        if not timeout:
            # What was taken out of the client's queue before stays taken, whoever's it is now.
            self._rebalance()
        if not messages:
            self._clock.now += timeout
        return messages

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

    def assignment(self) -> list[TopicPartition]:
        return _listed(self._positions)

    def committed(self, partitions: list[TopicPartition], _timeout: float) -> list[TopicPartition]:
        self._cluster.in_call("committed")
        if self._cluster.undecided_offsets:
            raise kafka_error(KafkaError.UNSTABLE_OFFSET_COMMIT, retriable=True)
        return [
            TopicPartition(
                each.topic,
                each.partition,
                self._cluster.committed.get((each.topic, each.partition), -1001),
            )
            for each in partitions
        ]

    def seek(self, where: TopicPartition) -> None:
        self._cluster.in_call("seek")
        self._positions[where.partition] = where.offset

    def get_watermark_offsets(self, where: TopicPartition, cached: bool) -> tuple[int, int]:
        assert cached, "asking the broker in every round would cost a round trip"
        begins = self._cluster.begins.get(where.partition, 0)
        return begins, len(self._cluster.log[where.partition])

    def consumer_group_metadata(self) -> int | None:
        return self._cluster.generation if self._member else None

    def memberid(self) -> str | None:
        return self._member

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        assert not asynchronous
        self._cluster.in_call("commit")
        if not self._member:
            raise kafka_error(KafkaError.UNKNOWN_MEMBER_ID)
        for each in offsets:
            self._cluster.committed[each.topic, each.partition] = each.offset
        return offsets

    def close(self) -> None:
        self._revoke(tuple(self._positions), 0)


class FakeOutput:
    """The output topics of the cluster in memory, as their readers see them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def ends(self) -> Ends:
        self._cluster.in_call("ends")
        return {"output": {0: len(self._cluster.output)}}

    def read(self, after: Ends, until: Ends) -> Seen:
        self._cluster.in_call("read")
        assert not self._cluster.undecided
        seen = Seen()
        for topic, message in self._cluster.output[after["output"][0] : until["output"][0]]:
            (seen.note_dead_letter if topic == DEAD_LETTERS else seen.note_diagnosis)(message)
        return seen


def fake_journal(
    cluster: Cluster, clock: Clock, committed: Callable[[Iterable[Partition]], Positions]
) -> Journal:
    """A journal of what is published to the cluster in memory."""
    return Journal(FakeOutput(cluster), committed, lambda: cluster.deaths, clock)


def _listed(partitions: Any) -> list[TopicPartition]:
    return [TopicPartition(WINDOWS, number) for number in partitions]


class FakeProducer:
    """What `Transactions` and `Flushes` use of `confluent_kafka.Producer`."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster, self._clock = cluster, clock
        self._epoch = 0
        self._open = False
        self._stuck = False
        self._sent: list[tuple[str, Message, Any]] = []

    def init_transactions(self, timeout: float) -> None:
        self._call("init_transactions", timeout)
        self._cluster.epoch += 1
        self._epoch = self._cluster.epoch
        self._cluster.end_what_was_left()

    def begin_transaction(self) -> None:
        self._call("begin_transaction")
        assert not self._open, "a transaction inside a transaction"
        self._open, self._sent = True, []
        self._cluster.left = self._sent

    def list_topics(self, topic: str, _timeout: float) -> Any:
        return SimpleNamespace(topics={topic: SimpleNamespace(partitions={0: None})})

    def produce(
        self, topic: str, on_delivery: Any = None, partition: int = -1, **message: Any
    ) -> None:
        self._call("produce")
        assert partition in (-1, 0)
        self._sent.append((topic, Message(**message), on_delivery))

    def flush(self, timeout: float) -> int:
        self._call("flush", timeout)
        if not self._epoch and not self._stuck:
            self._deliver()
        return 0 if self._epoch else len(self._sent)

    def keep_everything(self) -> None:
        """Let nothing leave the queue."""
        self._stuck = True

    def poll(self, timeout: float) -> int:
        self._call("poll", timeout)
        return 0

    def purge(self) -> None:
        self._sent = []

    def send_offsets_to_transaction(
        self, offsets: list[TopicPartition], generation: int | None, timeout: float
    ) -> None:
        self._call("send_offsets_to_transaction", timeout)
        if generation not in (None, self._cluster.generation):
            raise abortable()
        self._cluster.pending = {(each.topic, each.partition): each.offset for each in offsets}

    def commit_transaction(self, timeout: float) -> None:
        self._call("commit_transaction", timeout)
        self._apply()

    def commit_without_telling(self) -> None:
        """The commit gets through and its answer does not."""
        self._apply()
        self.be_stuck()

    def be_stuck(self) -> None:
        """Let every further call time out; only a new producer gets out of this."""
        self._stuck = True
        raise timed_out()

    def abort_transaction(self, timeout: float) -> None:
        self._call("abort_transaction", timeout)
        if not self._open:
            raise kafka_error(KafkaError._STATE)
        self._open = False
        self._cluster.abort()

    def _apply(self) -> None:
        assert self._open, "nothing to commit"
        self._cluster.commit((topic, message) for topic, message, _ in self._sent)
        self._open, self._sent = False, []

    def _deliver(self) -> None:
        for topic, message, on_delivery in self._sent:
            if self._cluster.refused is None:
                self._cluster.output.append((topic, message))
            if on_delivery is not None:
                on_delivery(self._cluster.refused, None)
        self._sent = []

    def _call(self, name: str, timeout: float = 0.0) -> None:
        if name != "init_transactions" and self._epoch != self._cluster.epoch:
            raise fenced()
        if self._stuck:
            self._clock.now += timeout
            raise timed_out()
        try:
            self._cluster.in_call(name)
        except KafkaException as failure:
            if failure.args[0].code() == KafkaError._TIMED_OUT:
                self._clock.now += timeout
            raise
