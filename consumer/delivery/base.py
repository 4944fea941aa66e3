"""Publish what a batch gave, and commit the offsets of its input: in one transaction, or after.

`exactly_once.ExactlyOnce` and `at_least_once.AtLeastOnce` have the same contract (`Delivery`). What
cannot be delivered raises `TransientKafkaError`; the pipeline then calls `recover` until it
succeeds, and rewinds to the last committed offsets. The rewind keeps windows from being lost: Kafka
aborts the output, not our position.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, cast

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from bearing_stream.kafka import TransientKafkaError, classify, explain, served
from bearing_stream.kafka.errors import RECORD_REFUSED
from bearing_stream.wire import Message
from consumer.delivery.states import Event, State, after
from consumer.liveness import budget
from consumer.messages import Origin

FULL_QUEUE_PAUSE: Final = 0.05
"""Seconds to wait for space when the producer's queue is full."""

RETRY_PAUSE: Final = 0.02
"""Seconds between two attempts of a call that can be repeated."""

ANY_PARTITION: Final = -1
"""Lets the client's partitioner choose one by the key: `RD_KAFKA_PARTITION_UA`."""

LEAST_BYTES: Final = 64 * 1024
"""Bytes of results that one transaction may always hold."""


class RefusedRecordsError(TransientKafkaError):
    """The topic refuses dead letters as they are: they must be written as stubs.

    Attributes:
        origins: Of the windows whose dead letters are refused.
    """

    def __init__(self, reason: str, origins: frozenset[Origin]) -> None:
        super().__init__(reason)
        self.origins = origins


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is published before it is committed.

    Args:
        seconds: From the first result on.
        bytes: Of keys and values.
    """

    seconds: float
    bytes: int


class Delivery(Protocol):
    """How results and offsets get to Kafka.

    Call `start` once, then `publish` any number of times and `commit`, repeatedly. Whenever `state`
    needs recovery, call `recover` until it returns; nothing may be published before.
    """

    state: State

    @property
    def byte_limit(self) -> int:
        """Bytes that may be published before a commit; less after one did not succeed in time."""

    def due_at(self) -> float | None:
        """Return the monotonic time at which a commit is due; None if nothing is published."""

    def start(self, timeout: float) -> None:
        """Get ready; raises `TransientKafkaError` if Kafka does not respond in `timeout` s."""

    def open(self) -> None:
        """Begin what a commit ends, unless a result was published; for offsets without results."""

    def publish(self, topic: str, *messages: Message, origin: Origin | None = None) -> None:
        """Hand the client results; waits while its queue is full.

        Args:
            topic: Where to.
            *messages: Diagnoses, or a dead letter.
            origin: Of a dead letter: the window that it is about.
        """

    def commit(self, offsets: list[TopicPartition], timeout: float) -> None:
        """Make what was published durable, and with it the offsets of the input."""

    def fail(self) -> None:
        """Give up what was published since the last commit: `recover` comes next."""

    def recover(self, deadline: float) -> None:
        """Get ready again after a failure; one attempt, until a monotonic time."""

    def close(self) -> None:
        """Give up what was published since the last commit, permanently."""


class Publisher:
    """What both guarantees share: a state, the producer in use, and its queue."""

    def __init__(
        self,
        producer: Producer,
        bounds: Bounds,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._producer = producer
        self._bounds = bounds
        self._clock = clock
        self._sleep = sleep
        self._bytes = 0
        self._waited = 0.0
        self._refused: dict[Origin, KafkaError] = {}
        self._presumed = 0
        self.byte_limit = bounds.bytes
        self.opened_at: float | None = None
        self.state = State.UNREGISTERED

    def due_at(self) -> float | None:
        """See `Delivery`."""
        if self.opened_at is None or self.state is not State.OPEN:
            return None
        return self.opened_at + (0 if self._bytes >= self.byte_limit else self._bounds.seconds)

    def fail(self) -> None:
        """See `Delivery`."""
        if not self.state.needs_recovery:
            self._move(Event.FAILED)

    def _move(self, event: Event) -> None:
        self.state = after(self.state, event)

    def _opened(self) -> None:
        self.opened_at = self._clock()

    def _closed(self) -> None:
        self.opened_at = None
        self._bytes = 0
        self._waited = 0.0
        self._refused.clear()
        self._presumed = 0

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Move to `failed` where a block raises `TransientKafkaError`."""
        try:
            yield
        except TransientKafkaError as error:
            self._note_failure(error)
            raise

    def _note_failure(self, error: TransientKafkaError) -> None:  # noqa: ARG002
        # What did not get out in time is tried again smaller.
        self.byte_limit = max(min(self.byte_limit, self._bytes) // 2, LEAST_BYTES)
        self._move(Event.FAILED)

    def _note_success(self) -> None:
        self.byte_limit = min(2 * self.byte_limit, self._bounds.bytes)

    def _produce(
        self, topic: str, messages: Iterable[Message], origin: Origin | None = None
    ) -> None:
        on_delivery = self._on_delivery if origin is None else partial(self._on_letter, origin)
        for message in messages:
            try:
                while not self._is_taken(topic, message, on_delivery):
                    if self._waited >= budget.QUEUE:
                        raise TransientKafkaError("the producer's queue stays full")
                    self._waited += FULL_QUEUE_PAUSE
                    self._serve(self._producer.poll, FULL_QUEUE_PAUSE)
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                if origin is not None and error.code() in RECORD_REFUSED:
                    raise RefusedRecordsError(explain(error), frozenset((origin,))) from None
                raise classify(error) from None

    def _is_taken(self, topic: str, message: Message, on_delivery: Callable[..., None]) -> bool:
        """Hand the client a message; return whether it was taken: its queue may be full."""
        key, value, headers, timestamp, partition = message
        try:
            self._producer.produce(
                topic,
                key=key,
                value=value,
                partition=ANY_PARTITION if partition is None else partition,
                on_delivery=on_delivery,
                timestamp=timestamp,
                # The client's own type takes texts too, so that for mypy it is another.
                headers=cast("Any", headers),
            )
        except BufferError:
            return False
        self._bytes += len(key or b"") + len(value or b"")
        return True

    def _flush(self, timeout: float) -> None:
        """Wait until everything produced is acknowledged.

        Raises:
            RefusedRecordsError: Dead letters were refused as they are.
            TransientKafkaError: It was not acknowledged within `timeout` seconds, or the client
                only presumes that it was.
        """
        left = self._serve(self._producer.flush, timeout)
        if self._refused:
            reason = explain(next(iter(self._refused.values())))
            raise RefusedRecordsError(reason, frozenset(self._refused))
        if left:
            raise TransientKafkaError(f"results were not acknowledged within {timeout:g} s")
        if self._presumed:
            raise TransientKafkaError(
                f"Kafka did not acknowledge {self._presumed} results, only later ones"
            )

    def _serve(self, call: Callable[[float], int], timeout: float) -> int:
        """Poll or flush; a producer that failed permanently raises here."""
        try:
            return served(call, timeout)
        except KafkaException as failure:
            raise classify(failure.args[0]) from None

    def _on_delivery(self, error: KafkaError | None, record: Any) -> None:
        """Note a record that may be missing from the topic although its delivery succeeded.

        If a request fails, since the leader has moved or the response was lost, and a later one for
        the same partition succeeds, librdkafka presumes that the first one did too. But Kafka takes
        any sequence number from a producer that is new to a partition, so the records of the first
        one may be missing, even after a commit. They have no offset: only a response contains it.
        See confluent-kafka-go #921, and `rd_kafka_dr_implicit_ack` in librdkafka.
        """
        if error is None and record.offset() is None:
            self._presumed += 1

    def _on_letter(self, origin: Origin, error: KafkaError | None, record: Any) -> None:
        if error is not None and error.code() in RECORD_REFUSED:
            self._refused[origin] = error
        self._on_delivery(error, record)
