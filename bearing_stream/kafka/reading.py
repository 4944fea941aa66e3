"""Read a range of a topic, or all of it up to its present end, without a consumer group."""

import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self, cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from bearing_stream.kafka.client import new_client
from bearing_stream.kafka.connection import Properties
from bearing_stream.kafka.errors import (
    ClusterErrors,
    FatalKafkaError,
    TransientKafkaError,
    explain,
    is_fatal,
)
from bearing_stream.kafka.startup import CHECK_TIMEOUT, RETRY_PAUSE
from bearing_stream.kafka.unreadable import UNREADABLE, BatchEnds, UnreadableBatch

FETCH_COUNT: Final = 1000
"""Most messages per call of `consume`."""

TIMEOUT: Final = 30.0
"""Seconds without a message, or the end of a partition, after which reading fails."""

STALL_TIMEOUT: Final = 10.0
"""Seconds without an event after which the client is replaced: clients have stopped fetching after
a broker restarted, while others read on."""

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
            timeout: Seconds without progress after which reading fails.

        Raises:
            FatalKafkaError: A property is invalid.
        """
        self.topic = topic
        self._timeout = timeout
        self._errors = ClusterErrors(in_group=False)
        self._properties: Properties = properties | {
            # The client requires a group id; without a subscription no group comes into being.
            "group.id": f"bearing-stream-read-{uuid.uuid4()}",
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # If retention deletes messages ahead of the reader, it goes on with the oldest left.
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 5,
            # The end of a partition is known from an empty response, for which the broker would
            # wait half a second.
            "fetch.wait.max.ms": 20,
            "queued.max.messages.kbytes": 32 * 1024,
            "log_level": 0,
            "error_cb": self._errors,
        }
        self._batch_ends = BatchEnds(properties, timeout)
        self._consumer = self._new_consumer()

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

    def between(self, spans: Spans, since: datetime | None, until: datetime | None) -> Spans:
        """Return what of these ranges lies between two times, by Kafka's timestamps.

        Args:
            spans: Ranges of the topic's partitions.
            since: A range begins with the first message of this time or later.
            until: A range ends before the first message of this time or later.

        Raises:
            FatalKafkaError: Kafka does not respond, or refuses.
        """
        first = {} if since is None else self.offsets_at(_milliseconds(since))
        last = {} if until is None else self.offsets_at(_milliseconds(until))
        chosen = {}
        for partition, (start, end) in spans.items():
            # None: no message is of that time or later.
            begin = first.get(partition, start)
            stop = last.get(partition)
            start = max(start, end if begin is None else begin)
            chosen[partition] = Span(start, max(start, end if stop is None else min(end, stop)))
        return chosen

    def read(self, spans: Spans) -> Iterator[Message]:
        """Yield the messages of these ranges, in order within a partition.

        A partition that ends before its range does, because its new leader does not know all yet,
        is read on when it has grown. A client that has stopped fetching is replaced. In place of a
        batch that cannot be unpacked comes an `UnreadableBatch`.

        Raises:
            FatalKafkaError: Kafka refuses, or there was no progress in time.
        """
        left = {partition: span for partition, span in spans.items() if span.start < span.end}
        self._assign(left)
        waited = 0.0
        while left:
            before = dict(left)
            seconds = min(STALL_TIMEOUT, self._timeout)
            messages = self._fetch(seconds)
            for message in messages:
                partition = message.partition()
                if partition not in left:
                    continue
                message = self._or_batch(message)
                offset, (start, end) = message.offset(), left[partition]
                if offset is None or offset < start:
                    continue
                is_end = message.error() is not None
                if not is_end and offset < end:
                    left[partition] = Span(offset + 1, end)
                    yield message
                    if isinstance(message, UnreadableBatch):
                        self._consumer.seek(TopicPartition(self.topic, partition, offset + 1))
                # The end of a partition has the offset of the next message.
                if offset >= (end if is_end else end - 1):
                    del left[partition]
                    self._consumer.incremental_unassign([TopicPartition(self.topic, partition)])
            if left != before:
                waited = 0.0
            elif not messages:
                waited += seconds
                if waited >= self._timeout:
                    raise self._no_progress(left)
                self._replace_consumer(left)
        self._consumer.unassign()

    def _new_consumer(self) -> Consumer:
        return new_client(Consumer, self._properties)

    def _replace_consumer(self, left: Spans) -> None:
        self._consumer.close()
        self._consumer = self._new_consumer()
        self._assign(left)

    def _assign(self, spans: Spans) -> None:
        self._consumer.assign(
            [TopicPartition(self.topic, partition, span.start) for partition, span in spans.items()]
        )

    def _fetch(self, seconds: float) -> list[Message]:
        """Messages and end-of-partition events; none if there is none within `seconds`."""
        messages = self._consumer.consume(1, seconds)
        self._errors.raise_fatal()
        if messages:
            messages += self._consumer.consume(FETCH_COUNT - 1, 0)
        for message in messages:
            error = message.error()
            if error is not None and error.code() not in (*HARMLESS, *UNREADABLE):
                raise self._refusal(error)
        return messages

    def _or_batch(self, message: Message) -> Message:
        """Return a message, or what stands for the batch that cannot be unpacked there."""
        error = message.error()
        if error is None or error.code() not in UNREADABLE:
            return message
        place = self.topic, message.partition() or 0
        try:
            found = self._batch_ends.find(place, message.offset() or 0, error.str())
        except TransientKafkaError as failure:
            raise FatalKafkaError(str(failure)) from None
        return cast("Message", found)

    def _no_progress(self, left: Spans) -> FatalKafkaError:
        missing = ", ".join(
            f"{span.start} to {span.end - 1} of partition {partition}"
            for partition, span in sorted(left.items())
        )
        return FatalKafkaError(
            f"'{self.topic}' could not be read: no response for {self._timeout:g} s, and the "
            f"offsets {missing} are missing"
        )

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


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


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
