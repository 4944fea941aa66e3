"""What the consumer polls: messages, their places, and the measurements that they hold."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from confluent_kafka import KafkaError
from numpy.typing import NDArray

from bearing_stream.sampling import Defects
from bearing_stream.wire import Headers, MeasurementAttributes

Partition = tuple[str, int]
"""Topic and partition number."""

Positions = dict[Partition, int]
"""The next offset to read, by partition."""


class Origin(NamedTuple):
    """Partition and offset of a message of the windows topic."""

    partition: Partition
    offset: int


class KafkaMessage(Protocol):
    """The methods of `confluent_kafka.Message` that the consumer uses."""

    def error(self) -> KafkaError | None: ...  # noqa: D102
    def topic(self) -> str: ...  # noqa: D102
    def partition(self) -> int: ...  # noqa: D102
    def offset(self) -> int: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102
    def headers(self) -> Headers | None: ...  # noqa: D102
    def timestamp(self) -> tuple[int, int]: ...  # noqa: D102
    def leader_epoch(self) -> int | None: ...  # noqa: D102


def size_of(messages: Iterable[KafkaMessage]) -> int:
    """Bytes of the keys and values of messages."""
    return sum(len(message.key() or b"") + len(message.value() or b"") for message in messages)


NO_DEFECTS: Final = Defects()


class Accepted(NamedTuple):
    """A measurement in the batch, without its samples."""

    attributes: MeasurementAttributes
    passed_on: Headers
    """The headers that its diagnosis has too."""
    topic: str
    partition: int
    offset: int
    timestamp: int
    """Kafka's, in milliseconds since the epoch."""
    message: KafkaMessage
    """As it was polled, for a dead letter if its assessment fails."""
    windows: int = 1
    """How many it has in the batch."""
    defects: Defects = NO_DEFECTS


def window_counts(measurements: Sequence[Accepted]) -> NDArray[np.int64]:
    """Return how many windows each of m measurements has in its batch (m,)."""
    return np.array([one.windows for one in measurements], np.int64)
