"""Read a stretch of a topic, or all of it up to where it ends now, as a bystander."""

import time
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from bearing_stream.kafka.connection import Properties
from bearing_stream.kafka.errors import FatalKafkaError, explain, is_fatal
from bearing_stream.kafka.startup import LOOK_TIMEOUT, RETRY_PAUSE, ClusterErrors

MOST: Final = 1000
"""Messages taken at a time."""

TIMEOUT: Final = 30.0
"""Seconds without a message after which reading fails; a topic's end is always told."""

NO_TROUBLE: Final = (
    KafkaError._PARTITION_EOF,
    # The client looks for the coordinator of the group that it must name and never joins.
    KafkaError.GROUP_AUTHORIZATION_FAILED,
)
"""What is told in place of a message and hinders no reading."""

Isolation = Literal["read_committed", "read_uncommitted"]
"""Whether messages of open and aborted transactions are left out."""


class Span(NamedTuple):
    """A stretch of a partition: the offsets from `start` up to `end`, which is not part of it."""

    start: int
    end: int


Spans = dict[int, Span]
"""Partition → the stretch of it."""


class TopicReader:
    """Reads stretches of one topic, in no group: it commits nothing and disturbs nobody.

    Reading committed messages, a partition ends before the first transaction that is still open.
    """

    def __init__(
        self,
        properties: Properties,
        topic: str,
        isolation: Isolation = "read_committed",
        timeout: float = TIMEOUT,
    ) -> None:
        """Connect.

        Args:
            properties: Connection properties of the client.
            topic: Must exist.
            isolation: Whether messages of open and aborted transactions are left out.
            timeout: Seconds without an answer after which reading fails.

        Raises:
            FatalKafkaError: A property is wrong.
        """
        self.topic = topic
        self._timeout = timeout
        self._errors = ClusterErrors(in_group=False)
        own: Properties = {
            # The client wants a name for a group; without subscribing there never is one.
            "group.id": f"bearing-stream-read-{uuid.uuid4()}",
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # Retention may overtake a reader; what is left is read then.
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 5,
            "queued.max.messages.kbytes": 32 * 1024,
            "log_level": 0,
            "error_cb": self._errors,
        }
        try:
            self._consumer = Consumer(properties | own)
        except KafkaException as failure:
            raise FatalKafkaError(explain(failure.args[0])) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._consumer.close()

    def spans(self) -> Spans:
        """What each partition holds now.

        Raises:
            FatalKafkaError: Kafka does not answer, or refuses.
        """
        starts = self._offsets(OFFSET_BEGINNING)
        ends = self._offsets(OFFSET_END)
        return {
            partition: Span(start, ends[partition])
            for partition, start in starts.items()
            if partition in ends
        }

    def offsets_at(self, milliseconds: int) -> dict[int, int | None]:
        """By partition, the offset of the first message of that time or later, or None.

        Args:
            milliseconds: Since the epoch, as Kafka's timestamps.

        Raises:
            FatalKafkaError: Kafka does not answer, or refuses.
        """
        found = self._offsets(milliseconds)
        return {partition: None if at < 0 else at for partition, at in found.items()}

    def read(self, spans: Spans) -> Iterator[Message]:
        """The messages of these stretches, in order within a partition.

        Raises:
            FatalKafkaError: Kafka does not answer, or refuses.
        """
        left = {partition: span.end for partition, span in spans.items() if span.start < span.end}
        self._consumer.assign(
            [TopicPartition(self.topic, partition, spans[partition].start) for partition in left]
        )
        while left:
            for message in self._take():
                partition, offset = message.partition(), message.offset()
                if partition not in left or offset is None:
                    continue
                ended = message.error() is not None or offset >= left[partition] - 1
                if message.error() is None and offset < left[partition]:
                    yield message
                if ended:
                    del left[partition]
                    self._consumer.incremental_unassign([TopicPartition(self.topic, partition)])
        self._consumer.unassign()

    def _take(self) -> list[Message]:
        """Messages and ends of partitions, at least one."""
        messages = self._consumer.consume(1, self._timeout)
        self._errors.raise_fatal()
        if not messages:
            raise FatalKafkaError(
                f"'{self.topic}' could not be read: no answer for {self._timeout:g} s"
            )
        messages += self._consumer.consume(MOST - 1, 0)
        for message in messages:
            error = message.error()
            if error is not None and error.code() not in NO_TROUBLE:
                raise self._refusal(error)
        return messages

    def _offsets(self, moment: int) -> dict[int, int]:
        """By partition, the offset at a time, or at one of Kafka's two names for an end.

        What passes, such as a partition between two leaders, is waited for.
        """
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return self._offsets_now(moment)
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                self._consumer.poll(0)
                self._errors.raise_fatal()
                if is_fatal(error) or time.monotonic() >= deadline:
                    raise self._refusal(error) from None
            time.sleep(RETRY_PAUSE)

    def _offsets_now(self, moment: int) -> dict[int, int]:
        found = self._consumer.list_topics(self.topic, LOOK_TIMEOUT).topics[self.topic]
        if found.error is not None:
            raise KafkaException(found.error)
        asked = [TopicPartition(self.topic, number, moment) for number in found.partitions]
        answers = self._consumer.offsets_for_times(asked, LOOK_TIMEOUT)
        for answer in answers:
            if answer.error is not None:
                raise KafkaException(answer.error)
        return {answer.partition: answer.offset for answer in answers}

    def _refusal(self, error: KafkaError) -> FatalKafkaError:
        return FatalKafkaError(f"'{self.topic}' could not be read: {explain(error)}")


def read_to_end(
    properties: Properties, topic: str, isolation: Isolation = "read_committed"
) -> Iterator[Message]:
    """The messages of a topic, in order within a partition, up to where each partition ends now.

    Args:
        properties: Connection properties of the client.
        topic: Must exist.
        isolation: Whether messages of open and aborted transactions are left out.

    Raises:
        FatalKafkaError: Kafka does not answer, or refuses.
    """
    with TopicReader(properties, topic, isolation) as reader:
        yield from reader.read(reader.spans())
