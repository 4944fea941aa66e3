"""What a topic refuses, and what becomes of one that is deleted, made anew or extended."""

import pytest
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition

from bearing_stream.wire import Message
from tests.kafka_in_memory.admin import InMemoryAdmin
from tests.kafka_in_memory.clock import Clock
from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.metadata import metadata
from tests.kafka_in_memory.producer import InMemoryProducer
from tests.kafka_in_memory.topic import BATCH_OVERHEAD, size_of

TOPIC = "topic"
HOUR = 3_600_000
RECORD = Message(b"key", b"value", [("name", b"header")])


def reported(cluster: Cluster, message: Message) -> int | None:
    """The code in the delivery report of a record; None where the topic takes it."""
    errors: list[KafkaError | None] = []
    producer = InMemoryProducer(cluster, Clock())
    producer.produce(
        TOPIC, on_delivery=lambda error, _message: errors.append(error), **message._asdict()
    )
    assert errors == []
    producer.flush(1.0)
    [error] = errors
    return error.code() if error else None


def test_a_topic_takes_a_record_up_to_its_limit() -> None:
    cluster = Cluster()
    cluster.create_topic(TOPIC, max_message_bytes=size_of(RECORD) + BATCH_OVERHEAD)
    assert reported(cluster, RECORD) is None
    assert reported(cluster, RECORD._replace(value=b"valuee")) == KafkaError.MSG_SIZE_TOO_LARGE


def test_headers_count() -> None:
    cluster = Cluster()
    cluster.create_topic(TOPIC, max_message_bytes=1000)
    large = RECORD._replace(headers=[("name", bytes(1000))])
    assert reported(cluster, large) == KafkaError.MSG_SIZE_TOO_LARGE


def test_the_client_itself_refuses_what_is_larger_than_it_sends() -> None:
    cluster = Cluster()
    cluster.create_topic(TOPIC)
    producer = InMemoryProducer(cluster, Clock(), message_max_bytes=100)
    with pytest.raises(KafkaException) as raised:
        producer.produce(TOPIC, **RECORD._replace(value=bytes(100))._asdict())
    assert raised.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE


@pytest.mark.parametrize(
    ("compacted", "refused"), [(True, KafkaError.INVALID_RECORD), (False, None)]
)
def test_a_compacted_topic_refuses_a_record_without_a_key(
    compacted: bool, refused: int | None
) -> None:
    cluster = Cluster()
    cluster.create_topic(TOPIC, compacted=compacted)
    assert reported(cluster, RECORD) is None
    assert reported(cluster, RECORD._replace(key=None)) == refused


@pytest.mark.parametrize(
    ("timestamp", "refused"),
    [
        (0, None),
        (10 * HOUR, None),
        (11 * HOUR, None),
        (11 * HOUR + 1, KafkaError.INVALID_TIMESTAMP),
        (8 * HOUR, None),
        (8 * HOUR - 1, KafkaError.INVALID_TIMESTAMP),
    ],
)
def test_a_timestamp_out_of_bounds_is_refused(timestamp: int, refused: int | None) -> None:
    cluster = Cluster(now_ms=10 * HOUR)
    cluster.create_topic(TOPIC, timestamp_before_max_ms=2 * HOUR)
    assert reported(cluster, RECORD._replace(timestamp=timestamp)) == refused


def test_a_topic_made_anew_has_another_id_and_begins_at_offset_0() -> None:
    cluster = Cluster()
    old = cluster.create_topic(TOPIC, 2)
    cluster.append(TOPIC, 1, RECORD, RECORD)
    new = cluster.recreate_topic(TOPIC)
    assert new.id != old.id
    assert len(new.logs) == 2
    assert cluster.log_of(TOPIC, 1).high_watermark == 0


def test_a_deleted_topic_takes_and_lists_nothing() -> None:
    cluster = Cluster()
    cluster.create_topic(TOPIC)
    InMemoryAdmin(cluster).delete_topics([TOPIC])
    with pytest.raises(KafkaException):
        cluster.append(TOPIC, 0, RECORD)
    error = metadata(cluster, TOPIC).topics[TOPIC].error
    assert error is not None
    assert error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_added_partitions_are_empty_and_listed() -> None:
    cluster = Cluster()
    cluster.create_topic(TOPIC, 2)
    cluster.append(TOPIC, 0, RECORD)
    cluster.add_partitions(TOPIC, 4)
    assert list(metadata(cluster).topics[TOPIC].partitions) == [0, 1, 2, 3]
    assert [log.high_watermark for log in cluster.topic(TOPIC).logs] == [1, 0, 0, 0]


def test_the_admin_lists_the_end_by_isolation_level() -> None:
    cluster = Cluster()
    cluster.create_topic(TOPIC)
    cluster.append(TOPIC, 0, RECORD)
    cluster.append_in_transaction(TOPIC, 0, RECORD, committed=None)
    admin, partition = InMemoryAdmin(cluster), TopicPartition(TOPIC, 0)
    ends = [
        admin.list_offsets({partition: None}, isolation)[partition].result().offset
        for isolation in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    ]
    assert ends == [1, 2]
