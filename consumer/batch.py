"""A micro-batch: windows decoded into one preallocated buffer, and when it is due."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
from confluent_kafka import KafkaError
from numpy.typing import NDArray

from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import (
    DeadLetter,
    Headers,
    Message,
    Rejection,
    RejectionReason,
    WindowAttributes,
    decode_window,
    readable_headers,
)
from consumer.metrics import DispatchReason

Partition = tuple[str, int]
"""Topic and partition number."""

Positions = dict[Partition, int]
"""The next offset to read, by partition."""


class Origin(NamedTuple):
    """Where a message of the windows topic stood."""

    partition: Partition
    offset: int


MOST_BYTES: Final = 16 * 1024 * 1024
"""After which a poll takes no more, and a batch is full: of headers, and of rejected messages as
they came. Large ones cost whoever sends them little, compressed."""

FIRST: Final = 256
"""Messages in a batch of which nobody knows yet how long it takes."""

UNREADABLE_HEADERS: Final = (
    "a header's name is not UTF-8: the client cannot read such headers, so this dead letter has "
    "none of them; the original is where `topic`, `partition` and `offset` say"
)


class KafkaMessage(Protocol):
    """What we use of `confluent_kafka.Message`."""

    def error(self) -> KafkaError | None: ...  # noqa: D102
    def topic(self) -> str: ...  # noqa: D102
    def partition(self) -> int: ...  # noqa: D102
    def offset(self) -> int: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102
    def headers(self) -> Headers | None: ...  # noqa: D102
    def timestamp(self) -> tuple[int, int]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Accepted:
    """A window in the batch, without its samples."""

    attributes: WindowAttributes
    headers: Headers
    topic: str
    partition: int
    offset: int
    timestamp: int
    """Kafka's, in milliseconds since the epoch."""

    @property
    def origin(self) -> Origin:
        """Where it stood."""
        return Origin((self.topic, self.partition), self.offset)


class Batch:
    """Collects messages until they are dispatched together.

    Both windows and rejected messages take a place, and bytes are counted too, so that memory stays
    bounded when all that comes is bad, and large.
    """

    def __init__(self, capacity: int, max_delay: float, longest: float | None = None) -> None:
        """Set up an empty batch.

        Args:
            capacity: Most messages.
            max_delay: Seconds that they wait at most.
            longest: Seconds that it may take to diagnose them. If given, the batch begins small and
                `took` decides how many it takes; whatever the device, it is not too many.
        """
        self._buffer: NDArray[np.float32] = np.empty((capacity, WINDOW_LENGTH), np.float32)
        self._longest = longest
        self._most = capacity
        self._capacity = capacity if longest is None else min(capacity, FIRST)
        self._max_delay = max_delay
        self._oldest = 0.0
        self._held = 0
        self.accepted: list[Accepted] = []
        self.dead_letters: list[DeadLetter] = []
        self.positions: Positions = {}

    def __len__(self) -> int:
        return len(self.accepted) + len(self.dead_letters)

    @property
    def room(self) -> int:
        """Messages that still fit."""
        return max(self._capacity - len(self), 0) if self._held < MOST_BYTES else 0

    @property
    def samples(self) -> NDArray[np.float32]:
        """The windows, shape (n, 2048); a view, valid until `clear`."""
        return self._buffer[: len(self.accepted)]

    @property
    def deadline(self) -> float:
        """The monotonic time at which the oldest message has waited long enough."""
        return self._oldest + self._max_delay

    def add(self, message: KafkaMessage, now: float) -> None:
        """Decode and check a message; one that fails becomes a dead letter.

        Args:
            message: As polled, without error.
            now: Monotonic time in seconds.
        """
        if not len(self):
            self._oldest = now
        headers = readable_headers(message)
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        _, timestamp = message.timestamp()
        try:
            if headers is None:
                raise Rejection(RejectionReason.INVALID_HEADER, UNREADABLE_HEADERS)
            attributes = decode_window(headers, message.value(), self._buffer[len(self.accepted)])
        except Rejection as rejection:
            original = Message(message.key(), message.value(), headers or [], timestamp)
            self.dead_letters.append(
                DeadLetter(topic, partition, offset, rejection.reason, rejection.detail, original)
            )
            self._held += size_of((message,))
        else:
            self.accepted.append(Accepted(attributes, headers, topic, partition, offset, timestamp))
        self._held += sum(len(name) + len(raw or b"") for name, raw in headers or ())
        self.positions[topic, partition] = offset + 1

    def due(self, now: float) -> DispatchReason | None:
        """Whether to dispatch by size or by age; None for not yet, or nothing in it."""
        if not len(self):
            return None
        if not self.room:
            return DispatchReason.FULL
        return DispatchReason.DELAY if now >= self.deadline else None

    def took(self, seconds: float) -> None:
        """Take fewer messages from now on, or up to twice as many, by how long these took.

        Args:
            seconds: For diagnosing the windows that are in it now.
        """
        windows = len(self.accepted)
        if self._longest is None or not windows:
            return
        fit = int(self._longest * windows / max(seconds, 1e-9))
        # A small batch says little of a large one, unless it was too long itself.
        most = max(self._capacity, 2 * windows)
        self._capacity = max(min(fit, most, self._most), 1)

    def clear(self) -> None:
        """Forget what is in it."""
        self.accepted.clear()
        self.dead_letters.clear()
        self.positions.clear()
        self._held = 0


def size_of(messages: Iterable[KafkaMessage]) -> int:
    """Bytes of their keys and values."""
    return sum(len(message.key() or b"") + len(message.value() or b"") for message in messages)
