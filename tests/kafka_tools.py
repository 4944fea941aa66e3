"""Helpers of tests on a real broker: create topics, send windows, read all output.

No helper waits for a fixed time: `eventually` polls until a condition holds.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as Polled
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bearing_stream.commands.verify import VerifySettings, verify
from bearing_stream.config import load
from bearing_stream.kafka import create_topics
from bearing_stream.wire import Diagnosis, Message, decode_diagnosis, read_error_headers
from bearing_stream.wire import headers as h
from producer_sim import Sent, SimulatorSettings, open_streams, simulate

PATIENCE = 60.0
"""Seconds that a condition may take on a loaded machine before the test fails."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The three topics of one test, and the group that reads them."""

    servers: str
    windows: str
    diagnoses: str
    dead_letters: str
    group: str

    @property
    def settings(self) -> dict[str, str]:
        """The topics as settings of any command."""
        return {
            "bootstrap_servers": self.servers,
            "windows_topic": self.windows,
            "diagnoses_topic": self.diagnoses,
            "dead_letters_topic": self.dead_letters,
        }


def named_topics(servers: str) -> Topics:
    """Unique names; creates nothing."""
    run = uuid.uuid4().hex[:8]
    return Topics(servers, f"windows-{run}", f"diagnoses-{run}", f"dead-letters-{run}", f"g-{run}")


def new_topics(servers: str, partitions: int = 4, **dead_letters: str) -> Topics:
    """Create the topics of one test; `dead_letters` are properties of that topic, `_` for `.`."""
    topics = named_topics(servers)
    connection = {"bootstrap.servers": servers}
    create_topics(connection, dict.fromkeys((topics.windows, topics.diagnoses), partitions), 1)
    create_topics(
        connection,
        {topics.dead_letters: partitions},
        1,
        {name.replace("_", "."): value for name, value in dead_letters.items()},
    )
    return topics


def delete_topics(topics: Topics) -> None:
    """Delete the topics to free the broker's disk; missing topics are ignored."""
    admin = AdminClient({"bootstrap.servers": topics.servers, "log_level": 0})
    for deleted in admin.delete_topics(
        [topics.windows, topics.diagnoses, topics.dead_letters]
    ).values():
        try:
            deleted.result()
        except KafkaException as failure:
            if failure.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise


def recreate_topic(servers: str, topic: str, partitions: int) -> None:
    """Delete a topic, and create it anew as soon as Kafka has deleted it."""
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    admin.delete_topics([topic])[topic].result(30)

    def is_created() -> bool:
        try:
            admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(30)
        except KafkaException:
            return False
        return True

    eventually(is_created, f"'{topic}' is deleted and created")


def _simulator(topics: Topics, **settings: Any) -> SimulatorSettings:
    return SimulatorSettings.model_validate(
        topics.settings | {"loop": True, "sample_format": "int16"} | settings
    )


def _sent(sent: Sent) -> int:
    assert sent.complete, sent
    return sent.windows + sum(sent.malformed.values())


def simulate_windows(topics: Topics, count: int, **settings: Any) -> int:
    """Send windows as fast as Kafka accepts them: of CWRU recordings if available, else synthetic.

    Returns the number of messages, malformed ones included.
    """
    simulator = _simulator(topics, limit=count, speed="max", **settings)
    return _sent(simulate(simulator, open_streams(simulator)))


class Load:
    """Sends windows continuously, about a thousand per second, until the `with` block ends.

    Attributes:
        sent: The number of messages, once it has stopped.
    """

    def __init__(self, topics: Topics, **settings: Any) -> None:
        self.sent = 0
        given = {"source": "synthetic", "sensors": 60, "speed": 3} | settings
        self._simulator = _simulator(topics, **given)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.sent = _sent(simulate(self._simulator, open_streams(self._simulator), self._stop))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop sending; `sent` is final when this returns."""
        self._stop.set()
        self._thread.join(PATIENCE)

    def __exit__(self, *_: object) -> None:
        self.stop()


def produce(servers: str, topic: str, messages: Iterable[Message], **properties: Any) -> None:
    """Produce messages; every one is acknowledged when this returns."""
    failed: list[KafkaError] = []

    def note(error: KafkaError | None, _message: Polled) -> None:
        if error is not None:
            failed.append(error)

    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True} | properties)
    for message in messages:
        producer.produce(
            topic,
            key=message.key,
            value=message.value,
            headers=list(message.headers),
            timestamp=message.timestamp,
            on_delivery=note,
        )
    assert producer.flush(30) == 0
    assert not failed


def read_to_end(servers: str, topic: str, isolation: str = "read_committed") -> list[Polled]:
    """All messages of a topic up to its present end, in order within a partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"reader-{uuid.uuid4().hex}",
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    messages: list[Polled] = []
    ended: set[int | None] = set()
    deadline = time.monotonic() + PATIENCE
    while len(ended) < len(partitions):
        assert time.monotonic() < deadline, f"{topic} has no end"
        for message in consumer.consume(1000, 0.1):
            error = message.error()
            if error is None:
                messages.append(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition())
    consumer.close()
    return messages


def headers_of(message: Polled) -> h.Headers:
    """A polled message's headers; an empty list if it has none."""
    found: h.Headers = message.headers() or []  # type: ignore[assignment]
    return found


def read_diagnoses(topics: Topics) -> list[tuple[str, Diagnosis]]:
    """The committed diagnoses with their `ce_id`, in order within a partition."""
    return [
        decode_diagnosis(headers_of(message), message.value())
        for message in read_to_end(topics.servers, topics.diagnoses)
    ]


def position(message: Polled) -> tuple[int, int]:
    """Partition and offset of a polled message."""
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return partition, offset


def dead_letter_position(message: Polled) -> tuple[int, int]:
    """Partition and offset of the original of a dead letter."""
    origin = read_error_headers(headers_of(message)).origin
    assert origin is not None
    return origin.partition, origin.offset


def assert_each_once_in_order(topics: Topics, expected: int) -> None:
    """Assert that each of `expected` windows has one result, in order by sensor.

    `bearing-stream verify` counts in the topics. Each diagnosis must be valid too.
    """
    assert (
        len(read_diagnoses(topics)) + len(read_to_end(topics.servers, topics.dead_letters))
        == expected
    )
    report = verify(load(VerifySettings, topics.settings | {"settle": 0.0}))
    assert report.wrong == {}, report.samples
    assert report.windows == report.diagnosed + report.dead_letters == expected


def end_offsets(servers: str, topic: str) -> dict[int, int]:
    """The high watermark of each partition: moves with every message, committed or not."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "watermarks"})
    ends: dict[int, int] = {}

    def all_read() -> bool:
        partitions = consumer.list_topics(topic, 10).topics[topic].partitions
        try:
            for number in partitions:
                _, ends[number] = consumer.get_watermark_offsets(TopicPartition(topic, number), 10)
        except KafkaException as failure:
            # Right after a topic's creation, its leader does not know yet that it is one.
            if failure.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
            return False
        return True

    eventually(all_read, f"the ends of {topic}")
    consumer.close()
    return ends


def committed(topics: Topics) -> dict[int, int]:
    """The group's committed offset by partition of the windows topic; 0 where there is none."""
    found = committed_offsets(topics.servers, topics.group, topics.windows)
    return {partition: max(offset, 0) for partition, offset in found.items()}


def committed_offsets(servers: str, group: str, topic: str) -> dict[int, int]:
    """A group's committed offset by partition of a topic; below 0 where there is none."""
    properties = {
        "bootstrap.servers": servers,
        "group.id": group,
        # Otherwise Kafka responds only once a transaction that a killed consumer left has ended.
        "isolation.level": "read_uncommitted",
    }
    consumer = Consumer(properties)
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    asked = [TopicPartition(topic, number) for number in partitions]
    offsets = {each.partition: each.offset for each in consumer.committed(asked, 10)}
    consumer.close()
    return offsets


def eventually(condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
    """Return when the condition holds; fail the test if it does not in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout:g} s"
        time.sleep(0.05)


def wait_for_progress(topics: Topics, messages: int) -> None:
    """Return when that many more diagnoses are in the topic than now, committed or not."""
    before = sum(end_offsets(topics.servers, topics.diagnoses).values())
    eventually(
        lambda: sum(end_offsets(topics.servers, topics.diagnoses).values()) >= before + messages,
        f"{messages} more diagnoses",
    )


def wait_until_finished(topics: Topics) -> None:
    """Return when the group has committed the end of every partition of the windows topic."""
    ends = end_offsets(topics.servers, topics.windows)
    eventually(lambda: committed(topics) == ends, "the group to commit the end of the windows")
