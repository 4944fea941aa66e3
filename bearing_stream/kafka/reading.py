"""Read a range of a topic, or all of it up to its present end, without a consumer group."""

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
from bearing_stream.kafka.startup import CHECK_TIMEOUT, RETRY_PAUSE, ClusterErrors

FETCH_COUNT: Final = 1000
"""Most messages per call of `consume`."""

TIMEOUT: Final = 30.0
"""Seconds without an event after which reading fails; the end of a partition is an event too."""

HARMLESS: Final = (
    KafkaError._PARTITION_EOF,
    # The client looks up the coordinator of the group that it has to name and never joins.
    KafkaError.GROUP_AUTHORIZATION_FAILED,
)
"""Errors that the client returns in place of a message and that do not impede reading."""

Isolation = Literal["read_committed", "read_uncommitted"]
"""Whether to leave out messages of open and aborted transactions."""


class Span(NamedTuple):
    """A range of a partition: the offsets from `start` up to, but not including, `end`."""

    start: int
    end: int


Spans = dict[int, Span]
"""Partition → range of offsets."""


class TopicReader:
    """Reads ranges of one topic, in no group: it commits nothing and causes no rebalance.

    With `read_committed`, a partition ends before the first transaction that is still open.
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
            isolation: Whether to leave out messages of open and aborted transactions.
            timeout: Seconds without a response after which reading fails.

        Raises:
            FatalKafkaError: A property is invalid.
        """
        self.topic = topic
        self._timeout = timeout
        self._errors = ClusterErrors(in_group=False)
        own: Properties = {
            # The client requires a group id; without a subscription no group comes into being.
            "group.id": f"bearing-stream-read-{uuid.uuid4()}",
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # If retention deletes messages ahead of the reader, it goes on with the oldest left.
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
        """The range that each partition holds now.

        Raises:
            FatalKafkaError: Kafka does not respond, or refuses.
        """
        starts = self._offsets(OFFSET_BEGINNING)
        ends = self._offsets(OFFSET_END)
        return {
            partition: Span(start, ends[partition])
            for partition, start in starts.items()
            if partition in ends
        }

    def offsets_at(self, milliseconds: int) -> dict[int, int | None]:
        """By partition, the offset of the first message at that time or later; None without one.

        Args:
            milliseconds: Time since the epoch, as in Kafka's timestamps.

        Raises:
            FatalKafkaError: Kafka does not respond, or refuses.
        """
        found = self._offsets(milliseconds)
        return {partition: None if at < 0 else at for partition, at in found.items()}

    def read(self, spans: Spans) -> Iterator[Message]:
        """Yield the messages of these ranges, in order within a partition.

        Raises:
            FatalKafkaError: Kafka does not respond, or refuses.
        """
        left = {partition: span.end for partition, span in spans.items() if span.start < span.end}
        self._consumer.assign(
            [TopicPartition(self.topic, partition, spans[partition].start) for partition in left]
        )
        while left:
            for message in self._fetch():
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

    def _fetch(self) -> list[Message]:
        """Messages and end-of-partition events, at least one."""
        messages = self._consumer.consume(1, self._timeout)
        self._errors.raise_fatal()
        if not messages:
            raise FatalKafkaError(
                f"'{self.topic}' could not be read: no response for {self._timeout:g} s"
            )
        messages += self._consumer.consume(FETCH_COUNT - 1, 0)
        for message in messages:
            error = message.error()
            if error is not None and error.code() not in HARMLESS:
                raise self._refusal(error)
        return messages

    def _offsets(self, moment: int) -> dict[int, int]:
        """By partition, the offset at a time, or at one of Kafka's two constants for an end.

        A transient error, such as a partition that is electing its leader, is retried.
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
        found = self._consumer.list_topics(self.topic, CHECK_TIMEOUT).topics[self.topic]
        if found.error is not None:
            raise KafkaException(found.error)
        times = [TopicPartition(self.topic, number, moment) for number in found.partitions]
        offsets = self._consumer.offsets_for_times(times, CHECK_TIMEOUT)
        for each in offsets:
            if each.error is not None:
                raise KafkaException(each.error)
        return {each.partition: each.offset for each in offsets}

    def _refusal(self, error: KafkaError) -> FatalKafkaError:
        return FatalKafkaError(f"'{self.topic}' could not be read: {explain(error)}")


def read_to_end(
    properties: Properties, topic: str, isolation: Isolation = "read_committed"
) -> Iterator[Message]:
    """Yield the messages of a topic, in order within a partition, up to the present ends.

    Args:
        properties: Connection properties of the client.
        topic: Must exist.
        isolation: Whether to leave out messages of open and aborted transactions.

    Raises:
        FatalKafkaError: Kafka does not respond, or refuses.
    """
    with TopicReader(properties, topic, isolation) as reader:
        yield from reader.read(reader.spans())
