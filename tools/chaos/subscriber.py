"""A subscriber to the diagnoses, which detects when new ones are committed."""

import threading
import time
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from bearing_stream.kafka import ClusterErrors
from bearing_stream.kafka.connection import Properties
from bearing_stream.wire import readable_headers
from bearing_stream.wire.headers import SOURCE

POLL_TIMEOUT: Final = 0.1


class Subscriber(threading.Thread):
    """Reads a topic of diagnoses from its beginning until `stop`, `read_committed`.

    Attributes:
        count: Diagnoses read so far.
        next: Partition → the offset after the last diagnosis read.
        models: The number of models whose diagnoses `expect_news` expects in each partition.
    """

    def __init__(self, properties: Properties, topic: str, partitions: int) -> None:
        super().__init__(name="subscriber", daemon=True)
        self.count = 0
        self.next: dict[int, int] = {}
        self.models = 1
        self._consumer = Consumer(
            properties
            | {
                "group.id": "chaos-subscriber",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                # Reconnects at once, so that the measured recovery is not that of this client.
                "reconnect.backoff.max.ms": "200",
                "topic.metadata.refresh.interval.ms": "1000",
                "fetch.queue.backoff.ms": 5,
                "error_cb": ClusterErrors(),
                "log_level": 0,
            }
        )
        self._all = range(partitions)
        self._consumer.assign([TopicPartition(topic, number, 0) for number in self._all])
        self._after = 0.0
        self._missing: set[int] = set()
        self._sources: dict[int, set[bytes | None]] = {}
        self._complete = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> None:
        """Read until `stop`."""
        while not self._stopping.is_set():
            messages = self._consumer.consume(1, POLL_TIMEOUT)
            if messages:
                messages += self._consumer.consume(1000, 0)
            good = [message for message in messages if message.error() is None]
            self.count += len(good)
            with self._lock:
                for message in good:
                    partition = message.partition() or 0
                    self.next[partition] = (message.offset() or 0) + 1
                    if partition in self._missing and message.timestamp()[1] > self._after:
                        sources = self._sources.setdefault(partition, set())
                        # `ce_source` names the version of the model.
                        sources.add(dict(readable_headers(message) or []).get(SOURCE))
                        if len(sources) >= self.models:
                            self._missing.discard(partition)
                if not self._missing:
                    self._complete.set()
        self._consumer.close()

    def expect_news(self) -> None:
        """Start to watch for a diagnosis from now on in every partition."""
        with self._lock:
            self._after = time.time() * 1e3
            self._missing = set(self._all)
            self._sources.clear()
            self._complete.clear()

    def has_news(self) -> bool:
        """Whether the diagnoses of `expect_news` have arrived."""
        return self._complete.is_set()

    def missing(self) -> list[int]:
        """Return the partitions without the diagnosis of `expect_news`."""
        with self._lock:
            return sorted(self._missing)

    def stop(self) -> None:
        """Stop reading."""
        self._stopping.set()
        self.join()
