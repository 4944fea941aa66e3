"""Publish the results of a batch and commit the offsets of its input: in one transaction, or after.

`exactly_once.Transactions` and `at_least_once.Flushes` have the same contract (`Delivery`). A
delivery that fails raises `TransientKafkaError`; the pipeline then calls `recover` until it
succeeds, and rewinds to the last committed offsets. The rewind is what keeps windows from being
lost: Kafka aborts the output, but does not reset the consumer's position.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from bearing_stream.kafka import (
    FatalKafkaError,
    FencedError,
    RetriableKafkaError,
    TransientKafkaError,
    explain,
    is_fatal,
)
from bearing_stream.wire import Message
from consumer.batch import Origin, Positions

FULL_QUEUE_PAUSE: Final = 0.05
"""Seconds between two attempts to produce while the producer's queue is full."""

FULL_QUEUE_LIMIT: Final = 30.0
"""Seconds after which a queue that is still full is an error."""

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
"""Errors with which a broker refuses the request itself; a retry would be refused too."""

FENCED: Final = frozenset(
    (
        KafkaError._FENCED,
        KafkaError._FATAL,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    )
)
"""Errors of a producer whose transactional id belongs to a newer producer."""


class Delivery(Protocol):
    """How diagnoses and offsets get to Kafka.

    Call `start` once, then `publish` any number of times and `commit`, repeatedly. After a
    `TransientKafkaError` of `publish` or `commit`, call `recover` until it returns, and neither
    `publish` nor `commit` before. Every method but `close` may raise:

    - `TransientKafkaError` (`RetriableKafkaError`, `FencedError`): what was published since the
      last commit will not be committed; recover and rewind.
    - `FatalKafkaError`: Kafka refuses something that waiting will not change.
    """

    opened_at: float | None
    """Monotonic time of the first `publish` since the last commit; None if there was none."""

    def start(self, timeout: float) -> None:
        """Get ready; raises `TransientKafkaError` if Kafka does not respond within `timeout` s."""

    def publish(self, topic: str, message: Message, origin: Origin) -> None:
        """Hand the client the result of the window at `origin`; blocks while its queue is full."""

    def commit(self, positions: Positions, timeout: float) -> None:
        """Make what was published durable, and with it the positions of the input."""

    def recover(self, timeout: float) -> None:
        """Drop what was published since the last commit, and get ready again."""

    def close(self) -> None:
        """Drop what was published since the last commit. Nothing is called afterwards."""


class Publisher:
    """The common part of both deliveries: a replaceable producer, and retries on a full queue."""

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
                    raise TransientKafkaError("the producer's queue stays full") from None
                self._serve(self._producer.poll, FULL_QUEUE_PAUSE)
            except KafkaException as failure:
                raise _classify_refusal(failure.args[0], topic) from None
            else:
                return

    def _serve(self, call: Callable[[float], int], timeout: float) -> int:
        """Poll or flush; a producer in a fatal state raises here."""
        try:
            return call(timeout)
        except KafkaException as failure:
            raise classify(failure.args[0]) from None

    def _replace_producer(self) -> None:
        self._producer.purge()
        self._producer = self._new_producer()


def topic_partitions(positions: Positions) -> list[TopicPartition]:
    """Convert positions to the client's type."""
    return [
        TopicPartition(topic, partition, offset) for (topic, partition), offset in positions.items()
    ]


def classify(error: KafkaError) -> FatalKafkaError | TransientKafkaError:
    """Convert an error of a producer or a commit to the exception to raise.

    A fenced producer is transient: most often the coordinator has timed out its transaction while
    the broker or this process was frozen, and a new producer succeeds. `Transactions` counts
    fencings, and so detects two consumers that fence each other.
    """
    if is_fatal(error) or error.code() in REFUSED:
        return FatalKafkaError(explain(error))
    if error.fatal() or error.code() in FENCED:
        return FencedError(explain(error))
    if error.retriable():
        return RetriableKafkaError(explain(error))
    return TransientKafkaError(explain(error))


def _classify_refusal(error: KafkaError, topic: str) -> FatalKafkaError | TransientKafkaError:
    """Convert an error with which the client itself refuses a message."""
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return FatalKafkaError(
            f"a message for '{topic}' is larger than this client sends: raise message.max.bytes "
            "(--kafka message.max.bytes=...) and max.message.bytes of the topic (a dead letter is "
            f"the original and some headers) — Kafka reports: {error.str()}"
        )
    return classify(error)
