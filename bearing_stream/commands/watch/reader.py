"""Reads the committed diagnoses of a topic without joining a group."""

import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaException,
    Message,
    TopicPartition,
)

from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.kafka import ClusterErrors, FatalKafkaError, explain
from bearing_stream.kafka.record_id import RecordId
from bearing_stream.wire import Diagnosis, decode_diagnosis, readable_headers

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
"""Seconds without a message after which the reader checks whether messages wait in Kafka."""


@dataclass(frozen=True, slots=True)
class Received:
    """A diagnosis and its `ce_id`."""

    id: str
    diagnosis: Diagnosis


class DiagnosisReader:
    """Reads all partitions without joining a group: it commits nothing and affects no consumer.

    A client can stop fetching without an error, as some did after a broker was restarted. Where
    messages wait in Kafka and none arrives, the reader goes on with a new client.

    Attributes:
        unreadable: Messages so far that are not diagnoses.
        stalls: Times that the client had stopped fetching and was replaced.
    """

    def __init__(self, settings: WatchSettings) -> None:
        """Create the client; the first `read` finds the partitions.

        Raises:
            FatalKafkaError: A client property is invalid.
        """
        self.unreadable = 0
        self.stalls = 0
        self._settings = settings
        self._topic = settings.diagnoses_topic
        self._errors = ClusterErrors(in_group=False)
        self._consumer = _consumer(settings, self._errors)
        self._start = OFFSET_BEGINNING if settings.from_beginning else OFFSET_END
        self._positions: dict[int, int] = {}
        self._refreshed_at = -METADATA_INTERVAL
        self._active_at = time.monotonic()
        self._ends: dict[int, int] = {}
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

    def read(self) -> list[Received]:
        """Return the next diagnoses after waiting for at most `POLL_TIMEOUT`; often there are none.

        Raises:
            FatalKafkaError: Kafka refuses access; the message states what to do.
        """
        interval = METADATA_RETRY_INTERVAL if self._errors.latest else METADATA_INTERVAL
        if time.monotonic() - self._refreshed_at >= interval:
            self._refresh_partitions()
            self._refreshed_at = time.monotonic()
        messages = self._consumer.consume(1, POLL_TIMEOUT)
        if messages:
            messages += self._consumer.consume(MAX_MESSAGES - 1, 0)
            self._active_at = time.monotonic()
        elif time.monotonic() - self._active_at >= STALL_TIMEOUT:
            self._replace_if_stalled()
        received = [each for message in messages if (each := self._decode(message))]
        self._errors.raise_fatal()
        return received

    def _refresh_partitions(self) -> None:
        """Request metadata, and start reading partitions that are new."""
        try:
            metadata = self._consumer.list_topics(self._topic, timeout=METADATA_TIMEOUT)
        except KafkaException as failure:
            self._errors(failure.args[0])
            return
        self._errors.latest = None
        new = metadata.topics[self._topic].partitions.keys() - self._positions.keys()
        if not new:
            return
        try:
            starts = self._offsets(new, self._start)
        except KafkaException as failure:
            self._errors(failure.args[0])
            return
        self._consumer.incremental_assign(
            [TopicPartition(self._topic, partition, offset) for partition, offset in starts.items()]
        )
        self._positions |= starts
        if len(starts) == len(new):
            # A partition that is added later contains new diagnoses only.
            self._start = OFFSET_BEGINNING

    def _offsets(self, partitions: Iterable[int], moment: int) -> dict[int, int]:
        """Return the first or the last offset of partitions; without those that report none.

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

    def _decode(self, message: Message) -> Received | None:
        error = message.error()
        if error is not None:
            self._errors(error)
            return None
        self._note_position(message)
        try:
            return Received(*decode_diagnosis(readable_headers(message) or [], message.value()))
        except ValueError:
            self.unreadable += 1
            return None

    def _note_position(self, message: Message) -> None:
        record = RecordId.of(message)
        self._positions[record.partition] = record.offset + 1
        if record.offset < self._waiting.get(record.partition, 0):
            self.stalls += 1
            self._waiting = {}


def _consumer(settings: WatchSettings, errors: ClusterErrors) -> Consumer:
    properties = settings.client_properties(
        # The client requires a group name; without a subscription, no group is created.
        group_id=f"bearing-stream-watch-{uuid.uuid4()}",
        isolation_level="read_committed",
        enable_auto_commit=False,
        enable_auto_offset_store=False,
        auto_offset_reset="earliest",
        fetch_queue_backoff_ms=5,
        # A user is watching the table while the broker restarts.
        reconnect_backoff_max_ms=1000,
        queued_max_messages_kbytes=16 * 1024,
    )
    try:
        return Consumer(properties | {"error_cb": errors, "log_level": 0})
    except KafkaException as failure:
        raise FatalKafkaError(explain(failure.args[0])) from None
