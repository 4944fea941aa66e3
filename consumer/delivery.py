"""Publish what a batch gave, and commit the offsets of its input: in one transaction, or after.

Both ways have the same contract (`Delivery`). Whatever cannot be delivered raises `Undelivered`;
the pipeline then calls `recover` until it succeeds and winds back to the last committed offsets.
That winding back is what keeps windows from being lost: Kafka aborts the output, not our position.
"""

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from consumer.batch import Positions
from kafka_client import FatalKafkaError, explain, is_fatal
from messages import Message

REST: Final = 0.005
"""Seconds between a commit and the next transaction. Kafka answers one begun right away with
CONCURRENT_TRANSACTIONS, and the client then waits 20 ms or more."""

FULL_QUEUE_PAUSE: Final = 0.05
"""Seconds to wait for room when the producer's queue is full."""

MOST_RENEWALS: Final = 5
"""Producers renewed without a commit between them, after which another process must be fencing."""


class Undelivered(Exception):  # noqa: N818 - a verdict on what was published, not a failure of ours
    """What was published since the last commit will not be committed. It passes: wind back."""


class Delivery(Protocol):
    """How diagnoses and offsets get to Kafka.

    Call `start` once, then `publish` any number of times and `commit`, again and again. After
    `Undelivered`, call `recover` until it returns.
    """

    opened_at: float | None
    """Monotonic time of the first `publish` since the last commit; None if there was none."""

    def start(self, timeout: float) -> None:
        """Get ready; raises `Undelivered` if the broker did not answer within `timeout` seconds."""

    def publish(self, topic: str, message: Message) -> None:
        """Hand a message to the client; waits for room when its queue is full."""

    def commit(self, positions: Positions, timeout: float) -> None:
        """Make what was published durable, and with it the positions of the input."""

    def recover(self, timeout: float) -> None:
        """Give up what was published since the last commit and get ready again."""


class _Publisher:
    """What both ways share: a producer that can be replaced, and patience with its queue."""

    def __init__(
        self, new_producer: Callable[[], Producer], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._new_producer = new_producer
        self._clock = clock
        self._producer = new_producer()
        self.opened_at: float | None = None
        self.renewals = 0
        self._renewals_in_a_row = 0

    def _produce(self, topic: str, message: Message, **options: Any) -> None:
        while True:
            try:
                self._producer.produce(
                    topic,
                    key=message.key,
                    value=message.value,
                    headers=list(message.headers),
                    timestamp=message.timestamp,
                    **options,
                )
            except BufferError:
                # Bounded: a message leaves the queue when its message.timeout.ms is over.
                self._producer.poll(FULL_QUEUE_PAUSE)
            except KafkaException as failure:
                raise verdict(failure.args[0]) from None
            else:
                return

    def _replace_producer(self) -> None:
        self._producer.purge()
        self._producer = self._new_producer()

    def _count_renewal(self) -> None:
        self.renewals += 1
        self._renewals_in_a_row += 1
        if self._renewals_in_a_row > MOST_RENEWALS:
            raise FatalKafkaError(
                "the producer is fenced again and again: another process uses the same "
                "transactional.id; give each consumer its own instance id"
            )

    def _attempt(self, call: Callable[..., Any], *arguments: Any, deadline: float) -> None:
        """Call, and call again what the client says can be retried, until the deadline."""
        while True:
            left = max(deadline - self._clock(), 0.001)
            try:
                call(*arguments, left)
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                if not error.retriable() or self._clock() >= deadline:
                    raise verdict(error) from None
            else:
                return


class Transactions(_Publisher):
    """Exactly once: all output and the offsets in one Kafka transaction (KIP-98, KIP-447)."""

    def __init__(
        self,
        new_producer: Callable[[], Producer],
        group_metadata: Callable[[], Any],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up.

        Args:
            new_producer: Makes a producer, always with the same transactional id.
            group_metadata: The consumer's current membership; Kafka checks its generation, which
                is what fences a zombie.
            clock: Monotonic seconds.
            sleep: Waits some seconds.
        """
        super().__init__(new_producer, clock)
        self._group_metadata = group_metadata
        self._sleep = sleep
        self._rested_at = 0.0
        self._usable = True

    def start(self, timeout: float) -> None:
        """Register the transactional id; completes or aborts what a predecessor left open."""
        self._attempt(self._producer.init_transactions, deadline=self._clock() + timeout)

    def publish(self, topic: str, message: Message) -> None:
        """Produce inside the transaction, which the first message begins."""
        if self.opened_at is None:
            self._begin()
        self._produce(topic, message)

    def commit(self, positions: Positions, timeout: float) -> None:
        """Flush, add the offsets, commit."""
        deadline = self._clock() + timeout
        # Flushed first, a commit takes 1 ms; with messages still queued, 27.
        self._producer.flush(max(deadline - self._clock(), 0.001))
        self._attempt(
            self._producer.send_offsets_to_transaction,
            topic_partitions(positions),
            self._group_metadata(),
            deadline=deadline,
        )
        self._attempt(self._producer.commit_transaction, deadline=deadline)
        self._closed()
        self._renewals_in_a_row = 0

    def recover(self, timeout: float) -> None:
        """Abort; where that cannot be, put a new producer in the old one's place.

        An abort is refused when the outcome of a commit is unknown, or the producer is fenced. The
        new producer has the same transactional id, so Kafka first completes or aborts whatever the
        old one left: either way, after this the committed offsets are the truth.
        """
        deadline = self._clock() + timeout
        if self._usable and self.opened_at is not None:
            try:
                self._attempt(self._producer.abort_transaction, deadline=deadline)
            except Undelivered:
                self._usable = False
        if not self._usable:
            self._replace_producer()
            self._attempt(self._producer.init_transactions, deadline=self._clock() + timeout)
            self._usable = True
            self._count_renewal()
        self._closed()

    def _begin(self) -> None:
        if (rest := self._rested_at - self._clock()) > 0:
            self._sleep(rest)
        self.opened_at = self._clock()
        try:
            self._producer.begin_transaction()
        except KafkaException as failure:
            raise verdict(failure.args[0]) from None

    def _closed(self) -> None:
        self.opened_at = None
        self._rested_at = self._clock() + REST


class Flushes(_Publisher):
    """At least once: offsets are committed after every message was acknowledged."""

    def __init__(
        self,
        new_producer: Callable[[], Producer],
        commit_offsets: Callable[[list[TopicPartition]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up.

        Args:
            new_producer: Makes an idempotent producer.
            commit_offsets: The consumer's synchronous commit; raises `KafkaException`.
            clock: Monotonic seconds.
        """
        super().__init__(new_producer, clock)
        self._commit_offsets = commit_offsets
        self._failed: KafkaError | None = None

    def start(self, timeout: float) -> None:
        """Nothing to do: an idempotent producer gets ready by itself."""

    def publish(self, topic: str, message: Message) -> None:
        """Produce, and remember if it fails."""
        if self.opened_at is None:
            self.opened_at = self._clock()
        self._produce(topic, message, on_delivery=self._on_delivery)

    def commit(self, positions: Positions, timeout: float) -> None:
        """Flush, and commit the offsets if every message was acknowledged."""
        if self._producer.flush(timeout):
            raise Undelivered(f"diagnoses were not acknowledged within {timeout:g} s")
        if self._failed is not None:
            raise verdict(self._failed)
        try:
            self._commit_offsets(topic_partitions(positions))
        except KafkaException as failure:
            raise verdict(failure.args[0]) from None
        self.opened_at = None
        self._renewals_in_a_row = 0

    def recover(self, timeout: float) -> None:  # noqa: ARG002 - the contract of Delivery
        """Forget what is on its way; it may still arrive, and is then there twice."""
        if self._failed is not None and self._failed.fatal():
            self._replace_producer()
            self._count_renewal()
        self._producer.purge()
        self._producer.poll(0)
        self._failed, self.opened_at = None, None

    def _on_delivery(self, error: KafkaError | None, _message: Any) -> None:
        given_up = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)
        if error is not None and self._failed is None and error.code() not in given_up:
            self._failed = error


def topic_partitions(positions: Positions) -> list[TopicPartition]:
    """Positions as the client takes them."""
    return [
        TopicPartition(topic, partition, offset) for (topic, partition), offset in positions.items()
    ]


def verdict(error: KafkaError) -> FatalKafkaError | Undelivered:
    """Whether an error of a producer or a commit passes.

    A fenced producer passes: most often the coordinator has timed its transaction out while the
    broker or this process stood still, and a new producer goes on. Two consumers that fence each
    other are caught by the count of renewals.
    """
    return FatalKafkaError(explain(error)) if is_fatal(error) else Undelivered(explain(error))
