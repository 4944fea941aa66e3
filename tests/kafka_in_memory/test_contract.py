"""The rules that the in-memory Kafka keeps, held against a real one: the same tests run on both."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as Partition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from bearing_stream.kafka import create_topics
from tests.brokers import Broker
from tests.kafka_in_memory.admin import InMemoryAdmin
from tests.kafka_in_memory.clock import Clock
from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.consumer import InMemoryConsumer
from tests.kafka_in_memory.log import Isolation
from tests.kafka_in_memory.producer import InMemoryProducer
from tests.kafka_tools import eventually

HOUR = 3_600_000
LIMIT = 2_000
"""`max.message.bytes` of the topic."""


class Kafka(Protocol):
    """A topic of one partition that is compacted and takes small records, and its clients."""

    topic: str

    def producer(self) -> Any: ...
    def consumer(self, isolation: Isolation) -> Any: ...
    def admin(self) -> Any: ...


class InMemory:
    """On the in-memory Kafka."""

    topic = "topic"

    def __init__(self) -> None:
        self._cluster, self._clock = Cluster(), Clock()
        self._cluster.create_topic(
            self.topic, compacted=True, max_message_bytes=LIMIT, timestamp_before_max_ms=HOUR
        )
        self._cluster.now_ms = 10 * HOUR

    def producer(self) -> Any:
        return InMemoryProducer(self._cluster, self._clock, message_max_bytes=1_000_000)

    def consumer(self, isolation: Isolation) -> Any:
        return InMemoryConsumer(self._cluster, self._clock, isolation=isolation, partition_eof=True)

    def admin(self) -> Any:
        return InMemoryAdmin(self._cluster)


class Real:
    """On a broker."""

    def __init__(self, servers: str) -> None:
        self.topic = f"contract-{uuid.uuid4().hex[:8]}"
        self._connection: dict[str, Any] = {"bootstrap.servers": servers}
        self._closing: list[Callable[[], None]] = []
        configuration = {
            "cleanup.policy": "compact",
            "max.message.bytes": str(LIMIT),
            "message.timestamp.before.max.ms": str(HOUR),
        }
        create_topics(self._connection, {self.topic: 1}, 1, configuration)
        # Kept, as a client that is collected never completes what it was asked for.
        self._admin = AdminClient(self._connection)

    def producer(self) -> Any:
        own = {"transactional.id": self.topic, "message.max.bytes": 1_000_000}
        return Producer(self._connection | own)

    def consumer(self, isolation: Isolation) -> Any:
        own = {
            "group.id": self.topic,
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
        consumer = Consumer(self._connection | own)
        self._closing.append(consumer.close)
        return consumer

    def admin(self) -> Any:
        return self._admin

    def close(self) -> None:
        for close in self._closing:
            close()
        for deleted in self._admin.delete_topics([self.topic]).values():
            deleted.result()


@pytest.fixture(params=["in-memory", pytest.param("real", marks=pytest.mark.integration)])
def kafka(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    if request.param == "in-memory":
        yield InMemory()
        return
    broker: Broker = request.getfixturevalue("broker")
    real = Real(broker.bootstrap_servers)
    yield real
    real.close()


@pytest.fixture
def producer(kafka: Kafka) -> Any:
    return initialised(kafka)


def initialised(kafka: Kafka) -> Any:
    producer = kafka.producer()
    producer.init_transactions(30)
    return producer


def produce(kafka: Kafka, producer: Any, **message: Any) -> int | None:
    """Send a record; returns the code in its delivery report."""
    errors: list[KafkaError | None] = []
    record = {"key": b"k", "value": b"v", "headers": []} | message
    producer.produce(
        kafka.topic, on_delivery=lambda error, _message: errors.append(error), **record
    )
    assert producer.flush(30) == 0
    [error] = errors
    return error.code() if error else None


def end(kafka: Kafka, isolation: IsolationLevel) -> int:
    partition = Partition(kafka.topic, 0)
    asked = {partition: OffsetSpec.latest()}  # type: ignore[no-untyped-call]
    listed = kafka.admin().list_offsets(asked, isolation_level=isolation, request_timeout=30)
    offset: int = listed[partition].result().offset
    return offset


def ends(kafka: Kafka) -> tuple[int, int]:
    """The last stable offset and the high watermark."""
    return end(kafka, IsolationLevel.READ_COMMITTED), end(kafka, IsolationLevel.READ_UNCOMMITTED)


def read(kafka: Kafka, isolation: Isolation) -> tuple[list[int], int]:
    """The offsets of the records that a reader sees, and that of the end-of-partition event."""
    consumer = kafka.consumer(isolation)
    consumer.assign([Partition(kafka.topic, 0, 0)])
    offsets: list[int] = []
    while True:
        for message in consumer.consume(100, 0.2):
            if message.error() is None:
                offsets.append(message.offset())
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF
                return offsets, message.offset()


def code(failure: pytest.ExceptionInfo[KafkaException]) -> int:
    found: int = failure.value.args[0].code()
    return found


def test_markers_take_offsets_and_aborted_records_are_invisible(
    kafka: Kafka, producer: Any
) -> None:
    for commit in (True, False, True):
        producer.begin_transaction()
        produce(kafka, producer)
        produce(kafka, producer)
        (producer.commit_transaction if commit else producer.abort_transaction)(30)
    eventually(lambda: ends(kafka) == (9, 9), "the last marker")
    assert read(kafka, "read_committed") == ([0, 1, 6, 7], 9)
    assert read(kafka, "read_uncommitted") == ([0, 1, 3, 4, 6, 7], 9)


def test_the_last_stable_offset_lags_the_high_watermark(kafka: Kafka, producer: Any) -> None:
    producer.begin_transaction()
    produce(kafka, producer)
    producer.commit_transaction(30)
    eventually(lambda: ends(kafka) == (2, 2), "the marker")
    producer.begin_transaction()
    produce(kafka, producer)
    assert ends(kafka) == (2, 3)
    assert read(kafka, "read_committed") == ([0], 2)
    assert read(kafka, "read_uncommitted") == ([0, 2], 3)
    producer.abort_transaction(30)


@pytest.mark.parametrize(
    ("isolation", "expected"), [("read_committed", 0), ("read_uncommitted", 1)]
)
def test_the_watermarks_that_a_client_asks_for_depend_on_its_isolation_level(
    kafka: Kafka, producer: Any, isolation: Isolation, expected: int
) -> None:
    producer.begin_transaction()
    produce(kafka, producer)
    partition, consumer = Partition(kafka.topic, 0), kafka.consumer(isolation)
    assert consumer.get_watermark_offsets(partition, timeout=30) == (0, expected)
    producer.abort_transaction(30)


def test_the_watermarks_that_a_client_remembers_are_of_the_log(kafka: Kafka, producer: Any) -> None:
    for _ in range(2):
        producer.begin_transaction()
        produce(kafka, producer)
        producer.commit_transaction(30)
    eventually(lambda: ends(kafka) == (4, 4), "the last marker")
    producer.begin_transaction()
    produce(kafka, producer)
    consumer = kafka.consumer("read_committed")
    consumer.assign([Partition(kafka.topic, 0, 0)])
    seen: list[Any] = []
    while not seen or seen[-1].error() is None:
        seen += consumer.consume(100, 0.2)
    assert consumer.get_watermark_offsets(Partition(kafka.topic, 0), cached=True)[1] == 5
    producer.abort_transaction(30)


def test_nobody_is_given_an_offset_while_a_transaction_with_it_is_open(
    kafka: Kafka, producer: Any
) -> None:
    consumer = kafka.consumer("read_committed")
    asked = [Partition(kafka.topic, 0, 7)]
    producer.begin_transaction()
    produce(kafka, producer)
    producer.send_offsets_to_transaction(asked, consumer.consumer_group_metadata(), 30)
    with pytest.raises(KafkaException) as failure:
        consumer.committed(asked, 2)
    # The client repeats the request as long as it may.
    assert code(failure) in (KafkaError.UNSTABLE_OFFSET_COMMIT, KafkaError._TIMED_OUT)
    producer.commit_transaction(30)
    [found] = consumer.committed(asked, 30)
    assert found.offset == 7


def test_a_new_producer_aborts_and_fences_the_old_one(kafka: Kafka, producer: Any) -> None:
    producer.begin_transaction()
    produce(kafka, producer)
    successor = initialised(kafka)
    with pytest.raises(KafkaException) as failure:
        producer.commit_transaction(30)
    assert code(failure) in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED)
    assert failure.value.args[0].fatal()
    successor.begin_transaction()
    produce(kafka, successor)
    successor.commit_transaction(30)
    eventually(lambda: ends(kafka) == (4, 4), "the last marker")
    assert read(kafka, "read_committed") == ([2], 4)


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        ({"key": None}, KafkaError.INVALID_RECORD),
        ({"value": bytes(LIMIT)}, KafkaError.MSG_SIZE_TOO_LARGE),
        ({"timestamp": 1}, KafkaError.INVALID_TIMESTAMP),
    ],
    ids=["no key", "too large", "too old"],
)
def test_a_record_that_the_topic_refuses_leaves_nothing_but_to_abort(
    kafka: Kafka, producer: Any, message: dict[str, Any], refusal: int
) -> None:
    producer.begin_transaction()
    assert produce(kafka, producer, **message) == refusal
    with pytest.raises(KafkaException) as failure:
        producer.commit_transaction(30)
    assert code(failure) == refusal
    assert failure.value.args[0].txn_requires_abort()
    producer.abort_transaction(30)


def test_the_client_itself_refuses_what_is_larger_than_it_sends(
    kafka: Kafka, producer: Any
) -> None:
    producer.begin_transaction()
    with pytest.raises(KafkaException) as failure:
        producer.produce(
            kafka.topic, key=b"k", value=bytes(600_000), headers=[("h", bytes(400_000))]
        )
    assert code(failure) == KafkaError.MSG_SIZE_TOO_LARGE
