"""A topic: its partitions, its identity, and the records that it refuses."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import KafkaError

from bearing_stream.wire import Message
from tests.kafka_in_memory.log import PartitionLog

RECORD_OVERHEAD = 36
"""Bytes that librdkafka adds at most to key, value and headers of a record (message format v2)."""

BATCH_OVERHEAD = 61
"""Bytes of the header of a record batch."""


def size_of(message: Message) -> int:
    """Bytes of a record as the client counts them: key, value, headers and what frames them."""
    headers = sum(len(name) + len(value or b"") + 10 for name, value in message.headers)
    return len(message.key or b"") + len(message.value or b"") + headers + RECORD_OVERHEAD


@dataclass(frozen=True, slots=True)
class TopicConfiguration:
    """What decides whether a topic takes a record; the defaults are those of Kafka 4."""

    max_message_bytes: int = 1_048_588
    compacted: bool = False
    timestamp_before_max_ms: int | None = None
    timestamp_after_max_ms: int = 3_600_000


@dataclass
class Topic:
    """A topic; one that is deleted and made anew has another id and begins at offset 0."""

    name: str
    logs: list[PartitionLog]
    configuration: TopicConfiguration = field(default_factory=TopicConfiguration)
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    def refusal(self, message: Message, now_ms: int) -> KafkaError | None:
        """What the broker reports instead of appending a record; None where it takes it."""
        rules = self.configuration
        if size_of(message) + BATCH_OVERHEAD > rules.max_message_bytes:
            return KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
        if rules.compacted and message.key is None:
            return KafkaError(KafkaError.INVALID_RECORD)
        # 0 lets the client take the present.
        age = now_ms - (message.timestamp or now_ms)
        too_old = rules.timestamp_before_max_ms is not None and age > rules.timestamp_before_max_ms
        if too_old or -age > rules.timestamp_after_max_ms:
            return KafkaError(KafkaError.INVALID_TIMESTAMP)
        return None


def new_topic(
    name: str, partitions: int, configuration: TopicConfiguration, serials: Callable[[], int]
) -> Topic:
    """An empty topic."""
    return Topic(name, [PartitionLog(serials) for _ in range(partitions)], configuration)
