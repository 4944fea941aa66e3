"""What a probe finds that a consumer should have been given."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from bearing_stream.wire import Message
from consumer.events import NOT_JOINED, NOTHING_ASSIGNED, WINDOWS_WAITING
from consumer.liveness.probe import find_stall, find_waiting
from consumer.messages import Origin
from tests.kafka_tools import Topics, eventually, produce

pytestmark = pytest.mark.integration


@contextmanager
def member(topics: Topics, subscribed: str, **properties: Any) -> Iterator[str]:
    """A member of the group that owns all partitions of a topic, for as long as the block lasts.

    Yields:
        Its id.
    """
    consumer = Consumer(
        {"bootstrap.servers": topics.servers, "group.id": topics.group} | properties
    )
    with closing(consumer):
        consumer.subscribe([subscribed])

        def owns() -> bool:
            consumer.poll(0.05)
            return bool(consumer.assignment())

        eventually(owns, "an assignment")
        yield consumer.memberid() or ""


def test_finds_the_first_waiting_window(topics: Topics) -> None:
    connection = {"bootstrap.servers": topics.servers}
    produce(topics.servers, topics.windows, [Message(b"pump", b"", [])] * 5)
    [partition] = {
        number
        for number in range(4)
        if find_waiting(connection, topics.windows, {(topics.windows, number): 0})
    }
    waiting = (topics.windows, partition)
    assert find_waiting(connection, topics.windows, {waiting: 3}) == Origin(waiting, 3)
    assert find_waiting(connection, topics.windows, {waiting: 5}) is None
    found = find_stall(connection, topics.windows, topics.group, {waiting: 3}, "")
    assert found is not None
    assert found.event is WINDOWS_WAITING
    assert f"offset 3 of partition {partition} of '{topics.windows}'" in found.error


def test_a_transaction_marker_is_no_window(topics: Topics) -> None:
    properties = {"bootstrap.servers": topics.servers, "transactional.id": topics.group}
    producer = Producer(properties)
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topics.windows, b"", partition=0)
    producer.abort_transaction(30)
    connection = {"bootstrap.servers": topics.servers}
    assert find_waiting(connection, topics.windows, {(topics.windows, 0): 0}) is None


def test_finds_that_a_group_assigns_no_partition_of_the_topic(topics: Topics) -> None:
    connection = {"bootstrap.servers": topics.servers}
    with member(topics, topics.diagnoses) as me:
        found = find_stall(connection, topics.windows, topics.group, {}, me)
    assert found is not None
    assert found.event is NOTHING_ASSIGNED
    assert f"assigns none of the 4 partitions of '{topics.windows}'" in found.error


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_member_is_right_to_wait_where_the_group_assigns_the_partitions(
    topics: Topics, protocol: str
) -> None:
    connection = {"bootstrap.servers": topics.servers}
    with member(topics, topics.windows, **{"group.protocol": protocol}) as me:
        assert find_stall(connection, topics.windows, topics.group, {}, me) is None


def test_finds_that_a_consumer_is_no_member_of_a_group_without_any(topics: Topics) -> None:
    connection = {"bootstrap.servers": topics.servers}
    with member(topics, topics.windows) as me:
        pass
    for gone in (me, ""):
        found = find_stall(connection, topics.windows, topics.group, {}, gone)
        assert found is not None
        assert found.event is NOT_JOINED
        assert f"does not join the group '{topics.group}'" in found.error


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_finds_that_a_consumer_is_no_member_of_a_group_of_others(
    topics: Topics, protocol: str
) -> None:
    connection = {"bootstrap.servers": topics.servers}
    with member(topics, topics.windows, **{"group.protocol": protocol}):
        found = find_stall(connection, topics.windows, topics.group, {}, "another")
    assert found is not None
    assert found.event is NOT_JOINED


def test_finds_that_a_group_which_is_unknown_has_no_member(topics: Topics) -> None:
    connection = {"bootstrap.servers": topics.servers}
    found = find_stall(connection, topics.windows, topics.group, {}, "")
    assert found is not None
    assert found.event is NOT_JOINED
