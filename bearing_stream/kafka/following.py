"""Follow a topic: read what is committed, and go on with what arrives, without a group."""

import threading
import time
import uuid
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

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
from bearing_stream.kafka.connection import ConnectionSettings
from bearing_stream.kafka.errors import ClusterErrors, explain
from bearing_stream.kafka.record_id import RecordId
from bearing_stream.kafka.undecided import Ends, Undecided

MAX_MESSAGES: Final = 1000
"""Messages consumed at a time."""

POLL_TIMEOUT: Final = 0.25
"""Seconds to wait for a message."""

METADATA_TIMEOUT: Final = 1.0
"""Seconds that a metadata request may take."""

METADATA_INTERVAL: Final = 10.0
"""Seconds between two metadata requests, which detect added partitions."""

METADATA_RETRY_INTERVAL: Final = 1.0
"""The same while Kafka is unreachable."""

STALL_TIMEOUT: Final = 30.0
"""Seconds without a message after which the follower checks whether messages wait in Kafka."""


class TopicFollower:
    """Reads all partitions without joining a group: it commits nothing and affects no consumer.

    A client can stop fetching without an error, as some did after a broker was restarted. Where
    messages wait in Kafka and none arrives, the follower goes on with a new client.

    Attributes:
        stalls: Times that the client had stopped fetching and was replaced.
        topic_error: Why the topic has no partitions to read: it does not exist, or this user may
            not see it. None if it has some. A topic that is created is then read.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        topic: str,
        start: int = OFFSET_BEGINNING,
        most: int | None = None,
    ) -> None:
        """Create the client; the first `read` finds the partitions.

        Args:
            settings: The connection.
            topic: To read.
            start: Where to begin in each partition: `OFFSET_BEGINNING`, `OFFSET_END`, or with the
                first message of a time, in milliseconds since the epoch.
            most: Offsets before the end of each partition that are read at most.

        Raises:
            FatalKafkaError: A client property is invalid.
        """
        self.stalls = 0
        self.topic_error: KafkaError | None = None
        self._settings = settings
        self._topic = topic
        self._errors = ClusterErrors(in_group=False)
        self._consumer = _consumer(settings, self._errors)
        self._start = start
        self._most = most
        self._positions: dict[int, int] = {}
        self._reached: dict[int, int] = {}
        self._refreshed_at = -METADATA_INTERVAL
        self._active_at = time.monotonic()
        self._ends: dict[int, int] = {}
        self._undecided = Undecided[int]()
        self._undecided_for = 0.0
        self._waiting: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._consumer.close()

    @property
    def connection_error(self) -> str:
        """Why Kafka is unreachable, empty if it is reachable; reading resumes by itself."""
        return explain(self._errors.latest) if self._errors.latest else ""

    def read(self) -> list[Message]:
        """Return the next messages after waiting for at most `POLL_TIMEOUT`; often there are none.

        Raises:
            FatalKafkaError: Kafka refuses access; the message states what to do.
        """
        interval = METADATA_RETRY_INTERVAL if self._errors.latest else METADATA_INTERVAL
        if time.monotonic() - self._refreshed_at >= interval:
            self._refresh_partitions()
            self._refreshed_at = time.monotonic()
        polled = self._consumer.consume(1, POLL_TIMEOUT)
        if polled:
            polled += self._consumer.consume(MAX_MESSAGES - 1, 0)
        messages = [message for message in polled if self._is_data(message)]
        if messages:
            self._active_at = time.monotonic()
        elif time.monotonic() - self._active_at >= STALL_TIMEOUT:
            self._replace_if_stalled()
        self._errors.raise_fatal()
        return messages

    def lag(self) -> int | None:
        """Return how many committed offsets are still to be read; None while Kafka is unreachable.

        The markers of transactions count until the end of their partition has been read.
        """
        if not self._positions:
            return None
        try:
            ends = self._offsets(self._positions, OFFSET_END)
        except KafkaException as failure:
            self._errors(failure.args[0])
            return None
        self._note_undecided(ends)
        at = self._positions
        return sum(
            max(0, end - max(at[partition], self._reached.get(partition, 0)))
            for partition, end in ends.items()
        )

    def undecided(self) -> float:
        """Return for how long an open transaction has kept what follows it from being read.

        In seconds, as `lag` found it last; 0 if there is none, or nothing follows it.
        """
        return self._undecided_for

    def _note_undecided(self, ends: dict[int, int]) -> None:
        both = {}
        for partition, end in ends.items():
            place = TopicPartition(self._topic, partition)
            watermarks = self._consumer.get_watermark_offsets(place, cached=True)
            both[partition] = Ends(end, end if watermarks is None else watermarks[1])
        seconds = self._undecided.seconds(both, time.monotonic())
        self._undecided_for = max(seconds.values(), default=0.0)

    def _refresh_partitions(self) -> None:
        """Request metadata, and start reading partitions that are new."""
        try:
            metadata = self._consumer.list_topics(self._topic, timeout=METADATA_TIMEOUT)
        except KafkaException as failure:
            self._errors(failure.args[0])
            return
        self._errors.latest = None
        found = metadata.topics[self._topic]
        self.topic_error = found.error
        new = found.partitions.keys() - self._positions.keys()
        if not new:
            return
        try:
            starts = self._starts(new)
        except KafkaException as failure:
            self._errors(failure.args[0])
            return
        self._consumer.incremental_assign(
            [TopicPartition(self._topic, partition, offset) for partition, offset in starts.items()]
        )
        self._positions |= starts
        if len(starts) == len(new):
            # A partition that is added later contains new messages only.
            self._start, self._most = OFFSET_BEGINNING, None

    def _starts(self, partitions: Iterable[int]) -> dict[int, int]:
        """Return the offset at which to begin in each partition; without those that report none."""
        starts = self._offsets(partitions, self._start)
        late = {partition for partition, offset in starts.items() if offset < 0}
        if late or self._most is not None:
            ends = self._offsets(partitions, OFFSET_END)
            most = self._most
            for partition in starts.keys() & ends.keys():
                end = ends[partition]
                if partition in late:
                    # No message is of that time or later.
                    starts[partition] = end
                elif most is not None:
                    starts[partition] = max(starts[partition], end - most)
            starts = {partition: offset for partition, offset in starts.items() if offset >= 0}
        return starts

    def _offsets(self, partitions: Iterable[int], moment: int) -> dict[int, int]:
        """Return the offset at a time, or at an end, by partition; without those that report none.

        The last one is that of the committed messages: an open transaction does not count.
        """
        asked = [TopicPartition(self._topic, partition, moment) for partition in partitions]
        found = self._consumer.offsets_for_times(asked, METADATA_TIMEOUT)
        return {each.partition: each.offset for each in found if each.error is None}

    def _replace_if_stalled(self) -> None:
        """Go on with a new client if messages wait in Kafka.

        What waits may be the markers of transactions, or aborted ones, which nobody can read. So a
        client is replaced only after the ends have grown, and a stall is counted only when the new
        client has read one of the messages that waited.
        """
        self._active_at = time.monotonic()
        if not self._positions:
            # The topic does not exist yet.
            return
        try:
            ends = self._offsets(self._positions, OFFSET_END)
        except KafkaException as failure:
            self._errors(failure.args[0])
            return
        grown, self._ends = ends != self._ends, ends
        self._waiting = {
            partition: end for partition, end in ends.items() if end > self._positions[partition]
        }
        if not (grown and self._waiting):
            return
        stalled, self._consumer = self._consumer, _consumer(self._settings, self._errors)
        # A client that hangs may not return from `close`.
        threading.Thread(target=stalled.close, daemon=True).start()
        self._consumer.assign(
            [TopicPartition(self._topic, *position) for position in self._positions.items()]
        )

    def _is_data(self, message: Message) -> bool:
        """Note what the client returned, and whether it is a message and no error or event."""
        error = message.error()
        record = RecordId.of(message)
        if error is None:
            self._note_position(record)
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._reached[record.partition] = record.offset
        else:
            self._errors(error)
        return False

    def _note_position(self, record: RecordId) -> None:
        self._positions[record.partition] = record.offset + 1
        if record.offset < self._waiting.get(record.partition, 0):
            self.stalls += 1
            self._waiting = {}


def _consumer(settings: ConnectionSettings, errors: ClusterErrors) -> Consumer:
    properties = settings.client_properties(
        # The client requires a group name; without a subscription, no group is created.
        group_id=f"bearing-stream-watch-{uuid.uuid4()}",
        isolation_level="read_committed",
        enable_auto_commit=False,
        enable_auto_offset_store=False,
        enable_partition_eof=True,
        auto_offset_reset="earliest",
        fetch_queue_backoff_ms=5,
        # A user is watching while the broker restarts.
        reconnect_backoff_max_ms=1000,
        queued_max_messages_kbytes=16 * 1024,
    )
    return new_client(Consumer, properties | {"error_cb": errors, "log_level": 0})
