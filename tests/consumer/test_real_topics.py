"""On a real Kafka: topics created anew, partitions added, messages that must not stop it."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from bearing_stream.wire import Message, read_error_headers, readable_headers
from consumer.events import KAFKA_ERROR, OFFSETS_SKIPPED, READY, TOPIC_RECREATED
from tests.brokers import Broker
from tests.consumer.fakes import window
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Topics,
    delete_topics,
    new_topics,
    read_diagnoses,
    read_to_end,
    recreate_topic,
    wait_until_finished,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(170)]

GUARANTEES = ("exactly-once", "at-least-once")


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def send(
    topics: Topics,
    messages: list[Message],
    partition: int = 0,
    properties: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    producer = Producer({"bootstrap.servers": topics.servers, **properties})
    for message in messages:
        producer.produce(
            topics.windows,
            key=message.key,
            value=message.value,
            headers=list(message.headers),
            timestamp=message.timestamp,
            partition=partition,
        )
    assert producer.flush(30) == 0


def windows(first: int, count: int) -> list[Message]:
    return [window(number)._replace(timestamp=0) for number in range(first, first + count)]


def diagnosed(topics: Topics) -> list[str]:
    return sorted(diagnosis.window_id for _, diagnosis in read_diagnoses(topics))


def committed_partitions(topics: Topics) -> list[int]:
    """The partitions for which the group has committed an offset."""
    admin = AdminClient({"bootstrap.servers": topics.servers})
    asked = [ConsumerGroupTopicPartitions(topics.group)]
    found = admin.list_consumer_group_offsets(asked)[topics.group].result()
    return [one.partition for one in found.topic_partitions if one.offset >= 0]


def names(first: int, count: int) -> list[str]:
    return [f"w{number:06d}" for number in range(first, first + count)]


def test_a_backlog_is_read_from_all_partitions_in_turn(broker: Broker) -> None:
    """The client would read the first partitions to their end, and keep the others waiting."""
    partitions, each = 24, 200
    topics = new_topics(broker.bootstrap_servers, partitions)
    messages = windows(0, each)
    for partition in range(partitions):
        # As sensors send them, and not as one batch.
        send(topics, messages, partition, {"batch.num.messages": 4})
    # A queue that the backlog overflows, as a larger one does the usual queue.
    with ConsumerProcess(topics, "--kafka=queued.max.messages.kbytes=2048"):
        wait_until_finished(topics)
    # All are of one sensor, so that they are in one partition, in the order of their diagnosis.
    order = [diagnosis.input.partition for _, diagnosis in read_diagnoses(topics)]
    delete_topics(topics)
    assert len(order) == partitions * each
    first_half = Counter(order[: len(order) // 2])
    assert min(first_half[partition] for partition in range(partitions)) >= each // 4


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize("new", [15, 60])
def test_windows_of_a_topic_created_anew_are_diagnosed(
    topics: Topics, guarantee: str, new: int
) -> None:
    send(topics, windows(0, 30))
    with ConsumerProcess(
        topics, f"--guarantee={guarantee}", "--topic-check-interval=1"
    ) as consumer:
        assert eventually(lambda: len(diagnosed(topics)) == 30)
        recreate_topic(topics.servers, topics.windows, 4)
        send(topics, windows(100, new))
        assert eventually(lambda: set(diagnosed(topics)) == {*names(0, 30), *names(100, new)}), (
            diagnosed(topics)
        )
        assert consumer.events(TOPIC_RECREATED)
        consumer.stop()


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_results_of_a_deleted_topic_do_not_count_for_the_windows_of_the_new_one(
    topics: Topics, guarantee: str
) -> None:
    """They name the same offsets, and were published a moment before."""
    send(topics, windows(0, 30))
    with ConsumerProcess(
        topics, f"--guarantee={guarantee}", "--topic-check-interval=0.5"
    ) as consumer:
        assert eventually(lambda: len(diagnosed(topics)) == 30)
        admin = AdminClient({"bootstrap.servers": topics.servers})
        admin.delete_topics([topics.windows])[topics.windows].result(30)
        consumer.wait_for(KAFKA_ERROR)
        admin.create_topics([NewTopic(topics.windows, 4, 1)])[topics.windows].result(30)
        consumer.wait_for(TOPIC_RECREATED)
        send(topics, windows(100, 30))
        expected = {*names(0, 30), *names(100, 30)}
        assert eventually(lambda: set(diagnosed(topics)) == expected), diagnosed(topics)
        consumer.stop()


def test_a_topic_created_anew_between_two_runs_is_read_from_its_beginning(topics: Topics) -> None:
    send(topics, windows(0, 30))
    with ConsumerProcess(topics) as consumer:
        assert eventually(lambda: len(diagnosed(topics)) == 30)
        consumer.stop()
    recreate_topic(topics.servers, topics.windows, 4)
    send(topics, windows(100, 50))
    with ConsumerProcess(topics) as consumer:
        assert eventually(lambda: len(diagnosed(topics)) == 80)
        consumer.stop()
    assert diagnosed(topics) == [*names(0, 30), *names(100, 50)]


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_latest_keeps_what_comes_after_the_group_began(topics: Topics, guarantee: str) -> None:
    send(topics, windows(0, 5))
    arguments = (f"--guarantee={guarantee}", "--start-from=latest", "--topic-check-interval=1")
    with ConsumerProcess(topics, *arguments) as consumer:
        consumer.wait_for(READY)
        assert eventually(lambda: len(committed_partitions(topics)) == 4)
        consumer.send(signal.SIGKILL)
        consumer.wait()
    send(topics, windows(10, 5))
    with ConsumerProcess(topics, *arguments) as consumer:
        assert eventually(lambda: set(names(10, 5)) <= set(diagnosed(topics)))
        admin = AdminClient({"bootstrap.servers": topics.servers})
        [added] = admin.create_partitions([NewPartitions(topics.windows, 5)]).values()
        added.result(30)
        before = time.monotonic()
        send(topics, windows(20, 20), partition=4)
        assert eventually(lambda: set(names(20, 20)) <= set(diagnosed(topics)))
        assert time.monotonic() - before < 30
        consumer.stop()
    assert not set(names(0, 5)) & set(diagnosed(topics))


@pytest.mark.parametrize("guarantee", GUARANTEES)
def test_no_message_stops_it(topics: Topics, guarantee: str) -> None:
    bomb = Message(b"bomb", bytes(12_000_000), window(0).headers)
    ahead = Message(b"ahead", b"\0", [], timestamp=int(time.time() * 1000) + 40 * 60 * 1000)
    old = Message(b"old", b"\0", [], timestamp=1_000)
    with ConsumerProcess(topics, f"--guarantee={guarantee}") as consumer:
        consumer.wait_for(READY)
        send(
            topics,
            [bomb, *windows(0, 5)],
            properties={"message.max.bytes": 20_000_000, "compression.type": "gzip"},
        )
        send(topics, [ahead, old, *windows(5, 5)])
        assert eventually(lambda: len(diagnosed(topics)) == 10)
        letters = {
            message.key(): read_error_headers(readable_headers(message))
            for message in read_to_end(topics.servers, topics.dead_letters)
        }
        assert set(letters) == {b"bomb", b"ahead", b"old"}
        assert letters[b"bomb"].reason == "too-large"
        consumer.stop()
    assert consumer.events(OFFSETS_SKIPPED) == []
