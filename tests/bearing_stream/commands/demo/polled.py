"""Windows, and polled messages without a broker."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from confluent_kafka import KafkaError

from bearing_stream.vocabulary import WINDOW_LENGTH, FaultLabel
from bearing_stream.wire import Headers, Message, Window


@dataclass(frozen=True)
class Polled:
    """A message with the interface of a polled one."""

    message: Message
    of_topic: str
    of_partition: int
    at_offset: int

    def error(self) -> KafkaError | None:
        return None

    def topic(self) -> str:
        return self.of_topic

    def partition(self) -> int:
        return self.of_partition

    def offset(self) -> int:
        return self.at_offset

    def key(self) -> bytes | None:
        return self.message.key

    def value(self) -> bytes | None:
        return self.message.value

    def headers(self) -> Headers | None:
        return self.message.headers

    def timestamp(self) -> tuple[int, int]:
        return 1, self.message.timestamp


def windows(count: int, label: FaultLabel | None) -> list[Window]:
    """Return windows of noise."""
    samples = np.random.default_rng(0).standard_normal((count, WINDOW_LENGTH))
    time = datetime.now(UTC)
    return [
        Window("/test", f"{label}/{number}", "sensor", time, row, fault_label=label)
        for number, row in enumerate(samples)
    ]

    def leader_epoch(self) -> int | None:
        return None
