"""What the project uses of `confluent_kafka.Producer`, on the cluster in memory."""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from bearing_stream.wire import Message
from tests.kafka_in_memory.clock import Clock
from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.errors import abortable, fenced, kafka_error, timed_out
from tests.kafka_in_memory.group import positions_of
from tests.kafka_in_memory.metadata import ClusterMetadata, metadata
from tests.kafka_in_memory.topic import size_of

LINGER = 2
"""Records that the client keeps in its queue before it sends the oldest without being asked."""


class _Queued(NamedTuple):
    topic: str
    partition: int
    message: Message
    on_delivery: Callable[[KafkaError | None, Any], None] | None


class Delivered(NamedTuple):
    """The record in a delivery report.

    Attributes:
        place: Its offset; None where Kafka has not acknowledged it.
    """

    place: int | None

    def offset(self) -> int | None:
        return self.place


class InMemoryProducer:
    """A producer; transactional from `init_transactions` on."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        transactional_id: str = "consumer-1",
        group: str = "consumers",
        message_max_bytes: int = 8 * 1024 * 1024,
    ) -> None:
        """Set up.

        Args:
            cluster: Where it publishes.
            clock: Passes when a call times out.
            transactional_id: Whom a later producer with the same id fences.
            group: Whose offsets it adds to transactions.
            message_max_bytes: The client's own limit of a record.
        """
        self._cluster, self._clock = cluster, clock
        self._id, self._group = transactional_id, group
        self._message_max_bytes = message_max_bytes
        self._epoch = 0
        self._open = False
        self._stuck = False
        self._queue: deque[_Queued] = deque()
        self._reports: deque[tuple[_Queued, KafkaError | None, Delivered]] = deque()
        self._loses_next = False
        self._failure: KafkaError | None = None

    def init_transactions(self, timeout: float) -> None:
        self._call("init_transactions", timeout)
        self._epoch = self._cluster.transactions.register(self._id)

    def begin_transaction(self) -> None:
        self._call("begin_transaction")
        assert not self._open, "a transaction inside a transaction"
        self._open, self._failure = True, None
        self._queue.clear()

    def list_topics(self, topic: str, _timeout: float = -1) -> ClusterMetadata:
        self._call("list_topics")
        return metadata(self._cluster, topic)

    def produce(
        self, topic: str, on_delivery: Any = None, partition: int | None = -1, **message: Any
    ) -> None:
        """Queue a record.

        Raises:
            KafkaException: MSG_SIZE_TOO_LARGE, if the client itself does not take it.
        """
        self._call("produce")
        record = Message(**message)
        if size_of(record) > self._message_max_bytes:
            raise kafka_error(KafkaError.MSG_SIZE_TOO_LARGE)
        if partition is None or partition < 0:
            partitions = len(self._cluster.topic(topic).logs)
            partition = self._cluster.partitioner(topic, record, partitions)
        self._queue.append(_Queued(topic, partition, record, on_delivery))
        while len(self._queue) > LINGER and not self._stuck:
            self._send()

    def poll(self, timeout: float) -> int:
        self._call("poll", timeout)
        return self._report()

    def flush(self, timeout: float) -> int:
        """Send all that is queued; returns how many records could not be sent."""
        self._call("flush", timeout)
        while self._queue and not self._stuck:
            self._send()
        self._report()
        return len(self._queue)

    def purge(self) -> None:
        self._queue.clear()

    def send_offsets_to_transaction(
        self, offsets: list[TopicPartition], generation: int | None, timeout: float
    ) -> None:
        """Add offsets; raises ILLEGAL_GENERATION for a zombie of the group."""
        self._call("send_offsets_to_transaction", timeout)
        self._raise_failure()
        positions = positions_of(offsets)
        self._cluster.transactions.offer(self._id, self._epoch, self._group, generation, positions)

    def commit_transaction(self, timeout: float) -> None:
        self._call("commit_transaction", timeout)
        self._commit()

    def abort_transaction(self, timeout: float) -> None:
        self._call("abort_transaction", timeout)
        if not self._open:
            raise kafka_error(KafkaError._STATE)
        self._queue.clear()
        self._cluster.transactions.end(self._id, self._epoch, committed=False)
        self._open = False

    def keep_everything(self) -> None:
        """Let nothing leave the queue."""
        self._stuck = True

    def lose_next(self) -> None:
        """Drop the next record, and presume from the one after it that it was acknowledged."""
        self._loses_next = True

    def commit_without_response(self) -> None:
        """Let a commit get through, and its response not."""
        self._commit()
        self.be_stuck()

    def be_stuck(self) -> None:
        """Let every further call time out; only a new producer gets out of this."""
        self._stuck = True
        raise timed_out()

    def _commit(self) -> None:
        assert self._open, "nothing to commit"
        while self._queue:
            self._send()
        self._raise_failure()
        self._cluster.transactions.end(self._id, self._epoch, committed=True)
        self._open = False

    def _raise_failure(self) -> None:
        """After a record was refused, the transaction can only be aborted."""
        if self._failure is not None:
            raise abortable(self._failure.code())

    def _send(self) -> None:
        """Send the oldest record, and queue its delivery report."""
        queued = self._queue.popleft()
        topic, partition, message, _ = queued
        refusal = self._cluster.refused or self._cluster.topic(topic).refusal(
            message, self._cluster.now_ms
        )
        offset: int | None = None
        if refusal is not None:
            self._failure = refusal
        elif self._loses_next:
            self._loses_next = False
        elif self._epoch:
            offset = self._cluster.transactions.send(
                self._id, self._epoch, topic, partition, message
            )
        else:
            offset = self._cluster.log_of(topic, partition).append(message)
        self._reports.append((queued, refusal, Delivered(offset)))

    def _report(self) -> int:
        served = len(self._reports)
        while self._reports:
            queued, refusal, delivered = self._reports.popleft()
            if queued.on_delivery is not None:
                queued.on_delivery(refusal, delivered)
        return served

    def _call(self, name: str, timeout: float = 0.0) -> None:
        if name != "init_transactions" and self._is_fenced():
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

    def _is_fenced(self) -> bool:
        return bool(self._epoch) and self._epoch != self._cluster.transactions.epoch(self._id)
