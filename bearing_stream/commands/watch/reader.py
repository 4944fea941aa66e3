"""Reads the committed diagnoses of a topic, as a bystander."""

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

MOST: Final = 1000
"""Messages taken at a time."""

WAIT: Final = 0.25
"""Seconds to wait for a message."""

LOOK_TIMEOUT: Final = 1.0
"""Seconds that one look at the cluster may take."""

LOOK_PAUSE: Final = 10.0
"""Seconds between two looks at the cluster, for partitions that were added."""

TROUBLED_PAUSE: Final = 1.0
"""The same while Kafka does not answer."""


@dataclass(frozen=True, slots=True)
class Received:
    """A diagnosis and its `ce_id`."""

    id: str
    diagnosis: Diagnosis


class DiagnosisReader:
    """Reads all partitions by itself, in no group: it commits nothing and disturbs nobody.

    Attributes:
        unreadable: Messages seen so far that are no diagnoses.
    """

    def __init__(self, settings: WatchSettings) -> None:
        """Connect; the first `read` finds the partitions.

        Raises:
            FatalKafkaError: A client property is wrong.
        """
        self.unreadable = 0
        self._topic = settings.diagnoses_topic
        self._errors = ClusterErrors(in_group=False)
        self._consumer = _consumer(settings, self._errors)
        self._start = OFFSET_BEGINNING if settings.from_beginning else OFFSET_END
        self._assigned: set[int] = set()
        self._looked = -LOOK_PAUSE

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
    def trouble(self) -> str:
        """What Kafka complains of, empty if it answers; reading goes on when it does again."""
        return explain(self._errors.latest) if self._errors.latest else ""

    def read(self) -> list[Received]:
        """The diagnoses that are there, or that come within a moment; often none.

        Raises:
            FatalKafkaError: Kafka refuses us; one line says what to do.
        """
        pause = TROUBLED_PAUSE if self._errors.latest else LOOK_PAUSE
        if time.monotonic() - self._looked >= pause:
            self._look()
            self._looked = time.monotonic()
        messages = self._consumer.consume(1, WAIT)
        if messages:
            messages += self._consumer.consume(MOST - 1, 0)
        received = [found for message in messages if (found := self._decoded(message))]
        self._errors.raise_fatal()
        return received

    def _look(self) -> None:
        """See whether Kafka answers, and begin with partitions that were not there before."""
        try:
            metadata = self._consumer.list_topics(self._topic, timeout=LOOK_TIMEOUT)
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
            # All that a partition holds which is added later is new.
            self._start = OFFSET_BEGINNING

    def _decoded(self, message: Message) -> Received | None:
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
        # The client wants a name for a group; without subscribing there never is one.
        group_id=f"bearing-stream-watch-{uuid.uuid4()}",
        isolation_level="read_committed",
        enable_auto_commit=False,
        enable_auto_offset_store=False,
        auto_offset_reset="earliest",
        fetch_queue_backoff_ms=5,
        # Somebody is looking at the table while the broker comes back.
        reconnect_backoff_max_ms=1000,
        queued_max_messages_kbytes=16 * 1024,
    )
    try:
        return Consumer(properties | {"error_cb": errors, "log_level": 0})
    except KafkaException as failure:
        raise FatalKafkaError(explain(failure.args[0])) from None
