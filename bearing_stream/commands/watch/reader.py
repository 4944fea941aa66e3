"""Reads the committed diagnoses of a topic without joining a group."""

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
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.kafka import ClusterErrors, FatalKafkaError, explain
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

STALL_INTERVAL: Final = 10.0
"""Seconds between two comparisons of what was received with what Kafka holds. A client that has
received nothing of a partition in between, although there was more before, has stopped fetching."""


@dataclass(frozen=True, slots=True)
class Received:
    """A diagnosis and its `ce_id`."""

    id: str
    diagnosis: Diagnosis


class DiagnosisReader:
    """Reads all partitions without joining a group: it commits nothing and affects no consumer.

    Attributes:
        unreadable: Messages so far that are not diagnoses.
    """

    def __init__(self, settings: WatchSettings) -> None:
        """Create the client; the first `read` finds the partitions.

        Raises:
            FatalKafkaError: A client property is invalid.
        """
        self.unreadable = 0
        self._topic = settings.diagnoses_topic
        self._errors = ClusterErrors(in_group=False)
        self._settings = settings
        self._consumer = _consumer(settings, self._errors)
        self._start = OFFSET_BEGINNING if settings.from_beginning else OFFSET_END
        self._next: dict[int, int] = {}
        """Partition → offset of the next message, or one of Kafka's two constants for an end."""
        self._waiting: dict[int, int] = {}
        """The same at the last comparison, of the partitions that held more."""
        self._refreshed_at = self._compared_at = -METADATA_INTERVAL

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
        if time.monotonic() - self._compared_at >= STALL_INTERVAL:
            self._replace_stalled_client()
            self._compared_at = time.monotonic()
        messages = self._consumer.consume(1, POLL_TIMEOUT)
        if messages:
            messages += self._consumer.consume(MAX_MESSAGES - 1, 0)
        received = [each for message in messages if (each := self._decode(message))]
        self._errors.raise_fatal()
        return received

    def _refresh_partitions(self) -> None:
        """Request metadata, and start reading partitions that are new."""
        try:
            metadata = self._consumer.list_topics(self._topic, METADATA_TIMEOUT)
        except KafkaException as failure:
            self._errors(failure.args[0])
            return
        self._errors.latest = None
        new = metadata.topics[self._topic].partitions.keys() - self._next.keys()
        if new:
            self._next |= dict.fromkeys(new, self._start)
            self._consumer.incremental_assign(self._positions(new))
            # A partition that is added later contains new diagnoses only.
            self._start = OFFSET_BEGINNING

    def _replace_stalled_client(self) -> None:
        """Read on with another client if this one has stopped fetching, after a broker restarted.

        Such a client reports no error, and is polled as if there were nothing to read.
        """
        asked = [TopicPartition(self._topic, partition, OFFSET_END) for partition in self._next]
        try:
            ends = self._consumer.offsets_for_times(asked, METADATA_TIMEOUT) if asked else []
        except KafkaException:
            # Kafka is unreachable, or a partition has no leader: no client could read on.
            ends = []
        stalled = self._waiting.items() & self._next.items()
        self._waiting = {
            each.partition: self._next[each.partition]
            for each in ends
            if each.error is None and each.offset > max(self._next[each.partition], 0)
        }
        if stalled & self._waiting.items():
            self._consumer.close()
            self._consumer = _consumer(self._settings, self._errors)
            self._consumer.assign(self._positions(self._next))
            self._waiting = {}

    def _positions(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [
            TopicPartition(self._topic, partition, self._next[partition])
            for partition in partitions
        ]

    def _decode(self, message: Message) -> Received | None:
        error = message.error()
        partition, offset = message.partition(), message.offset()
        is_end = error is not None and error.code() == KafkaError._PARTITION_EOF
        if partition is not None and offset is not None and (is_end or error is None):
            # The end of a partition has the offset of the next message.
            self._next[partition] = offset if is_end else offset + 1
        if is_end:
            return None
        if error is not None:
            self._errors(error)
            return None
        try:
            return Received(*decode_diagnosis(readable_headers(message) or [], message.value()))
        except ValueError:
            self.unreadable += 1
            return None


def _consumer(settings: WatchSettings, errors: ClusterErrors) -> Consumer:
    properties = settings.client_properties(
        # The client requires a group name; without a subscription, no group is created.
        group_id=f"bearing-stream-watch-{uuid.uuid4()}",
        isolation_level="read_committed",
        enable_auto_commit=False,
        enable_auto_offset_store=False,
        # Transaction markers take offsets: only this event tells that nothing is left to read.
        enable_partition_eof=True,
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
