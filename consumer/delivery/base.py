"""Publish what a batch gave, and commit the offsets of its input: in one transaction, or after.

`transactions.Transactions` and `flushes.Flushes` have the same contract (`Delivery`). Whatever
cannot be delivered raises `Undelivered`; the pipeline then calls `recover` until it succeeds and
winds back to the last committed offsets. That winding back is what keeps windows from being lost:
Kafka aborts the output, not our position.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from bearing_stream.kafka import FatalKafkaError, explain, is_fatal
from bearing_stream.wire import Message
from consumer.batch import Origin, Positions

FULL_QUEUE_PAUSE: Final = 0.05
"""Seconds to wait for room when the producer's queue is full."""

FULL_QUEUE_LIMIT: Final = 30.0
"""Seconds after which waiting for room ends."""

REFUSED: Final = frozenset(
    (
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.INVALID_RECORD,
        KafkaError.POLICY_VIOLATION,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.INVALID_REQUIRED_ACKS,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
    )
)
"""Errors that a topic or the cluster answers for what it was asked, and would answer again."""

FENCED: Final = frozenset(
    (
        KafkaError._FENCED,
        KafkaError._FATAL,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    )
)
"""What a producer hears whose transactional id has gone to a newer one."""


class Undelivered(Exception):  # noqa: N818 - a verdict on what was published, not a failure of ours
    """What was published since the last commit will not be committed. It passes: wind back.

    Attributes:
        retriable: The client says that the call may be repeated.
        fenced: Another producer has taken over this one's transactional id, or Kafka has timed its
            transaction out.
    """

    def __init__(self, reason: str, *, retriable: bool = False, fenced: bool = False) -> None:
        super().__init__(reason)
        self.retriable = retriable
        self.fenced = fenced


class Delivery(Protocol):
    """How diagnoses and offsets get to Kafka.

    Call `start` once, then `publish` any number of times and `commit`, again and again. After
    `Undelivered`, call `recover` until it returns.
    """

    opened_at: float | None
    """Monotonic time of the first `publish` since the last commit; None if there was none."""

    def start(self, timeout: float) -> None:
        """Get ready; raises `Undelivered` if the broker did not answer within `timeout` seconds."""

    def publish(self, topic: str, message: Message, origin: Origin) -> None:
        """Hand the client the answer to the window at `origin`; waits while its queue is full."""

    def commit(self, positions: Positions, timeout: float) -> None:
        """Make what was published durable, and with it the positions of the input."""

    def recover(self, timeout: float) -> None:
        """Give up what was published since the last commit and get ready again."""

    def close(self) -> None:
        """Give up what was published since the last commit, for good."""


class Publisher:
    """What both ways share: a producer that can be replaced, and patience with its queue."""

    def __init__(self, new_producer: Callable[[], Producer], clock: Callable[[], float]) -> None:
        self._new_producer = new_producer
        self._clock = clock
        self._producer = new_producer()
        self.opened_at: float | None = None

    def _produce(self, topic: str, message: Message, **options: Any) -> None:
        deadline = self._clock() + FULL_QUEUE_LIMIT
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
                if self._clock() >= deadline:
                    raise Undelivered("the producer's queue is full, and stays so") from None
                self._serve(self._producer.poll, FULL_QUEUE_PAUSE)
            except KafkaException as failure:
                raise _refusal(failure.args[0], topic) from None
            else:
                return

    def _serve(self, call: Callable[[float], int], timeout: float) -> int:
        """Poll or flush. A producer that failed for good says so here, by raising."""
        try:
            return call(timeout)
        except KafkaException as failure:
            raise verdict(failure.args[0]) from None

    def _replace_producer(self) -> None:
        self._producer.purge()
        self._producer = self._new_producer()


def topic_partitions(positions: Positions) -> list[TopicPartition]:
    """Positions as the client takes them."""
    return [
        TopicPartition(topic, partition, offset) for (topic, partition), offset in positions.items()
    ]


def _refusal(error: KafkaError, topic: str) -> FatalKafkaError | Undelivered:
    """Why the client itself does not take a message."""
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return FatalKafkaError(
            f"a message for '{topic}' is larger than this client sends: raise message.max.bytes "
            "(--kafka message.max.bytes=...) and max.message.bytes of the topic (a dead letter is "
            f"the original and some headers) — Kafka said: {error.str()}"
        )
    return verdict(error)


def verdict(error: KafkaError) -> FatalKafkaError | Undelivered:
    """Whether an error of a producer or a commit passes.

    A fenced producer passes: most often the coordinator has timed its transaction out while the
    broker or this process stood still, and a new producer goes on. Two consumers that fence each
    other are caught by counting.
    """
    if is_fatal(error) or error.code() in REFUSED:
        return FatalKafkaError(explain(error))
    fenced = error.fatal() or error.code() in FENCED
    return Undelivered(explain(error), retriable=error.retriable(), fenced=fenced)
