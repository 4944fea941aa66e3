"""The topics of the comparison: windows for all contenders, and what each wrote."""

import json
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from uuid import uuid4

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bearing_stream.program import PROGRAM
from tools.bench.errors import BenchError

TIMEOUT: Final = 30.0
"""Seconds that a request to Kafka may take."""

SENSORS: Final = 16


class Written(NamedTuple):
    """A diagnosis that a contender wrote."""

    sensor: str
    milliseconds: int
    """Since the epoch, by the clock of the broker, when it was appended."""
    prediction: str
    probabilities: Mapping[str, float]


class Topics:
    """Creates, feeds and reads topics of a cluster, and deletes them at the end."""

    def __init__(self, servers: str, partitions: int) -> None:
        self.servers = servers
        self._partitions = partitions
        self._admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
        self._prefix = f"peers-{uuid4().hex[:8]}"
        self._existing: set[str] = set()
        self._counter = self._reader()

    def create(self, name: str, *, append_time: bool) -> str:
        """Create a topic and return its name; `append_time` sets timestamps by the broker."""
        topic = f"{self._prefix}-{name}-{uuid4().hex[:8]}"
        kind = "LogAppendTime" if append_time else "CreateTime"
        new = NewTopic(topic, self._partitions, config={"message.timestamp.type": kind})
        self._admin.create_topics([new])[topic].result(TIMEOUT)
        self._existing.add(topic)
        return topic

    def delete(self, *topics: str) -> None:
        """Delete topics."""
        if topics:
            for deleted in self._admin.delete_topics(list(topics)).values():
                deleted.result(TIMEOUT)
            self._existing.difference_update(topics)

    def close(self) -> None:
        """Delete the topics that are left."""
        self._counter.close()
        self.delete(*self._existing)

    def count(self, topic: str) -> int:
        """Return the number of offsets of what is committed, ends of transactions included.

        It is 0 while Kafka does not state them, as for a moment after the topic was created.
        """
        ends = (
            self._counter.get_watermark_offsets(part, TIMEOUT)[1] for part in self._parts(topic)
        )
        try:
            return sum(ends)
        except KafkaException:
            return 0

    def subscriber(self, topic: str) -> Consumer:
        """Return a reader of what is committed in a topic, from its beginning."""
        reader = self._reader()
        reader.assign(self._parts(topic))
        return reader

    def read(self, topic: str) -> Iterator[Message]:
        """Yield all committed messages of a topic, in order within a partition."""
        reader = self.subscriber(topic)
        unfinished = self._partitions
        while unfinished:
            for message in reader.consume(1000, 0.2):
                if (error := message.error()) is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    unfinished -= 1
                else:
                    raise KafkaException(error)
        reader.close()

    def _reader(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": f"{self._prefix}-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.queue.backoff.ms": 5,
                "log_level": 0,
            }
        )

    def _parts(self, topic: str) -> list[TopicPartition]:
        return [
            TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(self._partitions)
        ]


def simulate(servers: str, topic: str, *options: str) -> list[str]:
    """Return the command line of a simulator of synthetic bearings that repeat."""
    return [
        *(*PROGRAM, "simulate", "--source", "synthetic", "--loop"),
        *("--bootstrap-servers", servers, "--windows-topic", topic, *options),
    ]


def preload(servers: str, topic: str, windows: int, sample_format: str) -> None:
    """Fill a topic with windows of `SENSORS` sensors.

    Raises:
        BenchError: Some were not delivered.
    """
    options = ("--limit", f"{windows}", "--speed", "max", "--sensors", f"{SENSORS}")
    command = simulate(servers, topic, *options, "--sample-format", sample_format)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the simulator ended with {done.returncode}: {done.stderr}")


def parse(message: Message) -> Written:
    """Return what a diagnosis of any contender states."""
    value = json.loads(message.value() or b"{}")
    key = message.key()
    return Written(
        sensor=key.decode() if isinstance(key, bytes) else str(key),
        milliseconds=message.timestamp()[1],
        prediction=value.get("prediction", ""),
        probabilities=value.get("probabilities", {}),
    )


def by_sensor(messages: Iterator[Message], of: Callable[[Message], Any]) -> dict[str, list[Any]]:
    """Group what `of` returns of each message by its key, in order."""
    found: dict[str, list[Any]] = defaultdict(list)
    for message in messages:
        found[(message.key() or b"").decode()].append(of(message))
    return found
