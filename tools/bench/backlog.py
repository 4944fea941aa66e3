"""A topic with a backlog of windows, and a feed that maintains it, with limited disk space."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from bearing_stream.wire import Message, Window, encode_window
from bearing_stream.wire import headers as h
from tools.bench.errors import BenchError
from tools.bench.producing import produce

SENSORS_A_PARTITION: Final = 8

POLL_INTERVAL: Final = 0.2
"""Seconds between two polls of the committed offsets."""

WINDOW_BYTES: Final = 4500
"""Size of an int16 window with its headers, on the disk of the broker."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a topic and of its backlog."""

    windows: int
    """Windows to send in total."""
    backlog: int
    """Unprocessed windows to maintain in the topic, while there are windows left to send."""
    partitions: int

    @property
    def retention(self) -> dict[str, str]:
        """Properties of the topic: it retains twice the backlog, in small segments."""
        kept = 2 * self.backlog * WINDOW_BYTES // self.partitions
        # Retention deletes whole segments; Kafka requires at least 1 MiB.
        segment = max(kept // 8, 1 << 20)
        return {"retention.bytes": str(kept + 2 * segment), "segment.bytes": str(segment)}


def windows(partitions: int, seed: int = 0) -> Iterator[tuple[int, Message]]:
    """Yield partition numbers and int16 windows for them, without end.

    The windows of a sensor are all the same, except for their ids.
    """
    rng = np.random.default_rng(seed)
    sensors = SENSORS_A_PARTITION * partitions
    now = datetime.now(UTC)
    templates = []
    for sensor in range(sensors):
        samples = rng.normal(scale=1000, size=2048).astype(np.int16)
        window = Window("/bench", "", f"sensor-{sensor:05d}", now, samples, shaft_speed=1797.0)
        message = encode_window(window, "int16-le")
        headers = [header for header in message.headers if header[0] != h.ID]
        templates.append(message._replace(headers=headers))
    number = 0
    while True:
        message = templates[number % sensors]
        identity = (h.ID, b"%012d" % number)
        yield number % partitions, message._replace(headers=[*message.headers, identity])
        number += 1


class BacklogFeed(threading.Thread):
    """Sends windows as fast as Kafka accepts them, up to the size of the backlog.

    Attributes:
        sent: Windows passed to the client so far.
        failed: The first delivery error.
    """

    def __init__(self, servers: str, topic: str, group: str, shape: Shape) -> None:
        super().__init__(name="feed", daemon=True)
        self._topic = topic
        self._shape = shape
        self._progress = GroupProgress(servers, group)
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
        """Send until all windows are sent, or until `stop`."""
        limit = self._shape.backlog
        for partition, message in windows(self._shape.partitions):
            while self.sent >= limit and not self._stopping.wait(POLL_INTERVAL):
                limit = self._progress.committed() + self._shape.backlog
            if self._stopping.is_set() or self.sent >= self._shape.windows:
                break
            self._send(partition, message)
        self._producer.flush(60)

    def await_backlog(self) -> None:
        """Wait until the backlog is complete.

        Raises:
            BenchError: Kafka did not accept a window.
        """
        while self.sent < min(self._shape.backlog, self._shape.windows):
            self.check()
            self._stopping.wait(POLL_INTERVAL)

    def check(self) -> None:
        """Raise if a delivery has failed.

        Raises:
            BenchError: Kafka did not accept a window.
        """
        if self.failed is not None:
            raise BenchError(f"Kafka did not accept a window: {self.failed.str()}")

    def stop(self) -> None:
        """Stop sending; returns when all sent windows are delivered."""
        self._stopping.set()
        self.join()

    def _send(self, partition: int, message: Message) -> None:
        produce(self._producer, self._topic, message, partition, self._on_delivery)
        self.sent += 1
        if self.sent % 1000 == 0:
            self._producer.poll(0)

    def _on_delivery(self, error: KafkaError | None, _message: object) -> None:
        self.failed = self.failed or error


class GroupProgress:
    """The committed offsets of a group."""

    def __init__(self, servers: str, group: str) -> None:
        self._group = group
        self._admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
        self._known = 0

    def committed(self) -> int:
        """Return the number of windows that the group has committed, as far as is known."""
        request = [ConsumerGroupTopicPartitions(self._group)]
        # The group may not exist yet, or the broker may be overloaded: keep the last known number.
        with suppress(KafkaException):
            futures = self._admin.list_consumer_group_offsets(request, request_timeout=30)
            partitions = futures[self._group].result().topic_partitions
            self._known = sum(max(each.offset, 0) for each in partitions)
        return self._known
