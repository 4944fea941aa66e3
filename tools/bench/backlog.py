"""A topic with many windows waiting, and a feed that keeps so many waiting, on a small disk."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from bearing_stream.wire import Message, Window, encode_window
from bearing_stream.wire import headers as h
from tools.bench.runs import BenchError

SENSORS_A_PARTITION: Final = 8

FULL_PAUSE: Final = 0.2
"""Seconds between two looks at how many windows still wait."""

WINDOW_BYTES: Final = 4500
"""Of an int16 window with its headers, on the broker's disk."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a topic and what waits in it."""

    windows: int
    """To be sent, all in all."""
    backlog: int
    """To be waiting at any time, as long as there are windows left to send."""
    partitions: int

    @property
    def retention(self) -> dict[str, str]:
        """Properties of the topic: twice the backlog is kept, in pieces small enough to go."""
        kept = 2 * self.backlog * WINDOW_BYTES // self.partitions
        # A segment goes as a whole; Kafka takes none below 1 MiB.
        segment = max(kept // 8, 1 << 20)
        return {"retention.bytes": str(kept + 2 * segment), "segment.bytes": str(segment)}


def windows(partitions: int, seed: int = 0) -> Iterator[tuple[int, Message]]:
    """Without end, the number of a partition and an int16 window for it.

    Made once for each sensor and sent again and again; only ids tell them apart.
    """
    rng = np.random.default_rng(seed)
    sensors = SENSORS_A_PARTITION * partitions
    now = datetime.now(UTC)
    made = []
    for sensor in range(sensors):
        samples = rng.normal(scale=1000, size=2048).astype(np.int16)
        window = Window("/bench", "", f"sensor-{sensor:05d}", now, samples, shaft_speed=1797.0)
        message = encode_window(window, "int16-le")
        headers = [header for header in message.headers if header[0] != h.ID]
        made.append(message._replace(headers=headers))
    number = 0
    while True:
        message = made[number % sensors]
        identity = (h.ID, b"%012d" % number)
        yield number % partitions, message._replace(headers=[*message.headers, identity])
        number += 1


class Feed(threading.Thread):
    """Sends windows as fast as Kafka takes them, and no more than may wait.

    Attributes:
        sent: Windows handed to the client so far.
        failed: The first error of a delivery.
    """

    def __init__(self, servers: str, topic: str, group: str, shape: Shape) -> None:
        super().__init__(name="feed", daemon=True)
        self._topic = topic
        self._shape = shape
        self._progress = Progress(servers, group)
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "linger.ms": 20,
                "enable.idempotence": True,
                "queue.buffering.max.kbytes": 32 * 1024,
                "delivery.report.only.error": True,
                "log_level": 0,
            }
        )
        self._stopping = threading.Event()
        self.sent = 0
        self.failed: KafkaError | None = None

    def run(self) -> None:
        """Send."""
        room = self._shape.backlog
        for partition, message in windows(self._shape.partitions):
            while self.sent >= room and not self._stopping.wait(FULL_PAUSE):
                room = self._progress.committed() + self._shape.backlog
            if self._stopping.is_set() or self.sent >= self._shape.windows:
                break
            self._send(partition, message)
        self._producer.flush(60)

    def await_backlog(self) -> None:
        """Wait until so many windows wait.

        Raises:
            BenchError: Kafka did not take them.
        """
        while self.sent < min(self._shape.backlog, self._shape.windows):
            self.check()
            self._stopping.wait(FULL_PAUSE)

    def check(self) -> None:
        """See that all is well; raises `BenchError` if a window was not taken."""
        if self.failed is not None:
            raise BenchError(f"Kafka did not take a window: {self.failed.str()}")

    def stop(self) -> None:
        """Send no more; returns when all that was sent is delivered."""
        self._stopping.set()
        self.join()

    def _send(self, partition: int, message: Message) -> None:
        headers: Any = message.headers
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    message.value,
                    message.key,
                    partition=partition,
                    headers=headers,
                    on_delivery=self._note,
                )
                break
            except BufferError:
                self._producer.poll(0.05)
        self.sent += 1
        if self.sent % 1000 == 0:
            self._producer.poll(0)

    def _note(self, error: KafkaError | None, _message: object) -> None:
        self.failed = self.failed or error


class Progress:
    """How far a group has got."""

    def __init__(self, servers: str, group: str) -> None:
        self._group = group
        self._admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
        self._known = 0

    def committed(self) -> int:
        """Windows that it has answered for good, as far as is known."""
        asked = [ConsumerGroupTopicPartitions(self._group)]
        # There may be no such group yet, or a broker too busy to tell: what is known stays true.
        with suppress(KafkaException):
            answer = self._admin.list_consumer_group_offsets(asked, request_timeout=30)
            found = answer[self._group].result().topic_partitions
            self._known = sum(max(one.offset, 0) for one in found)
        return self._known
