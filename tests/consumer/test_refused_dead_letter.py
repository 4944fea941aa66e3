"""A dead letter that cannot be written stops the consumer before its offset is committed."""

import os
from collections.abc import Iterator

import pytest

from bearing_stream.wire import Message
from consumer.events import FAILED
from tests.brokers import Broker
from tests.consumer.fakes import window
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Topics,
    assert_each_once_in_order,
    committed,
    delete_topics,
    new_topics,
    produce,
    read_to_end,
    wait_until_finished,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def small_topics(broker: Broker) -> Iterator[Topics]:
    """One partition each; dead letters of at most 4 KB."""
    topics = new_topics(broker.bootstrap_servers, 1, max_message_bytes="4096")
    yield topics
    delete_topics(topics)


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_stops_with_a_clear_line_and_commits_nothing_beyond(
    small_topics: Topics, guarantee: str
) -> None:
    topics = small_topics
    good = [window(number) for number in range(20)]
    large = Message(b"large", os.urandom(20_000), [])
    produce(topics.servers, topics.windows, [*good[:10], large, *good[10:]])
    with ConsumerProcess(topics, f"--guarantee={guarantee}") as consumer:
        assert consumer.wait() == 1
    [line] = consumer.events(FAILED)
    assert "max.message.bytes of the topic" in line["error"]
    assert "Traceback" not in "\n".join(consumer.output)
    assert committed(topics)[0] <= 10
    assert read_to_end(topics.servers, topics.dead_letters) == []
    if guarantee == "exactly-once":
        # With a larger limit, the next consumer processes every message once.
        larger = new_topics(topics.servers, 1)
        with ConsumerProcess(topics, f"--dead-letters-topic={larger.dead_letters}") as consumer:
            wait_until_finished(topics)
            consumer.stop()
        moved = Topics(
            topics.servers, topics.windows, topics.diagnoses, larger.dead_letters, topics.group
        )
        assert_each_once_in_order(moved, 21)
        delete_topics(larger)
