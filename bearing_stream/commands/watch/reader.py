"""Reads the committed diagnoses of a topic without joining a group."""

import time
import uuid
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
        self._consumer = _consumer(settings, self._errors)
        self._start = OFFSET_BEGINNING if settings.from_beginning else OFFSET_END
        self._assigned: set[int] = set()
        self._refreshed_at = -METADATA_INTERVAL

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
        new = metadata.topics[self._topic].partitions.keys() - self._assigned
        if new:
            self._consumer.incremental_assign(
                [TopicPartition(self._topic, partition, self._start) for partition in new]
            )
            self._assigned |= new
            # A partition that is added later contains new diagnoses only.
            self._start = OFFSET_BEGINNING

    def _decode(self, message: Message) -> Received | None:
        error = message.error()
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
