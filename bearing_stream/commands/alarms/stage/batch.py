"""Diagnoses that were polled and wait to be dispatched."""

from consumer.batch import MAX_BYTES
from consumer.messages import KafkaMessage, Positions, size_of
from consumer.metrics import DispatchReason


class DiagnosisBatch:
    """Collects messages; see `consumer.pipeline.Pending`."""

    def __init__(self, capacity: int, max_delay: float) -> None:
        """Take at most `capacity` messages; the first waits `max_delay` seconds at most."""
        self._capacity = capacity
        self._max_delay = max_delay
        self._oldest = 0.0
        self._bytes = 0
        self.byte_limit = MAX_BYTES
        self.messages: list[KafkaMessage] = []
        self.positions: Positions = {}
        self.is_oversized = False

    def __len__(self) -> int:
        """Messages, and partitions in which messages were passed over."""
        return len(self.messages) or len(self.positions)

    @property
    def free(self) -> int:
        """Messages that still fit."""
        left = self._capacity - len(self.messages)
        return max(left, 0) if self._bytes < self.byte_limit else 0

    @property
    def deadline(self) -> float:
        """The monotonic time at which the oldest message has waited long enough."""
        return self._oldest + self._max_delay

    def add(self, message: KafkaMessage, now: float) -> None:
        """Take a message."""
        if not len(self):
            self._oldest = now
        self.messages.append(message)
        self._bytes += size_of((message,))
        self.positions[message.topic(), message.partition()] = message.offset() + 1

    def pass_over(self, done: Positions, now: float) -> None:
        """Take the positions of messages that need no result."""
        if not len(self):
            self._oldest = now
        self.positions |= done

    def due(self, now: float) -> DispatchReason | None:
        """Why the batch is to be dispatched now, by size or by age; None if it is not."""
        if not len(self):
            return None
        if not self.free:
            return DispatchReason.FULL
        return DispatchReason.DELAY if now >= self.deadline else None

    def clear(self) -> None:
        """Drop all messages."""
        self.messages.clear()
        self.positions.clear()
        self._bytes = 0
