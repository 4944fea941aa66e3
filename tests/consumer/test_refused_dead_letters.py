"""A dead letter that Kafka refuses is written as a stub, and stops nothing."""

import os
from collections.abc import Iterator

import pytest

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import Message
from consumer.events import STOPPED
from tests.brokers import Broker
from tests.consumer.fakes import DEAD_LETTERS, Cluster, malformed
from tests.consumer.world import GOOD, Guarantee, World, ids
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Topics,
    assert_each_once_in_order,
    delete_topics,
    new_topics,
    produce,
    read_to_end,
    wait_until_finished,
)

HOUR = 3_600_000
GUARANTEES = pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])


def letters(world: World) -> list[Message]:
    return [message for topic, message in world.cluster.output if topic == DEAD_LETTERS]


@GUARANTEES
@pytest.mark.parametrize("limit", [None, 1_048_588])
@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(malformed(5)._replace(value=bytes(9_000_000)), id="too large for the client"),
        pytest.param(malformed(5)._replace(value=bytes(2_000_000)), id="too large for the topic"),
        pytest.param(
            malformed(5)._replace(headers=[("x", bytes(2_000_000))]), id="headers too large"
        ),
        pytest.param(malformed(5)._replace(timestamp=3 * HOUR), id="timestamp"),
    ],
)
def test_a_dead_letter_that_kafka_refuses_stops_nothing(
    refused: Message, limit: int | None, guarantee: Guarantee
) -> None:
    world = World(guarantee, letter_limit=limit)
    world.cluster.arrive(0, *GOOD[:5], refused, *GOOD[5:10])
    world.rounds()
    assert set(world.diagnosed()) == set(ids(0, 10))
    assert len(letters(world)) == 1
    if guarantee == "exactly-once" or limit is not None:
        assert world.diagnosed() == ids(0, 10)
    if limit is not None:
        assert world.metrics.aborts == 0, "the limit is known, and nothing too large was tried"


@GUARANTEES
def test_several_refused_dead_letters_cost_one_rewind_each_at_most(guarantee: Guarantee) -> None:
    world = World(guarantee, batch_size=40)
    refused = [malformed(n)._replace(value=bytes(2_000_000)) for n in range(4)]
    world.cluster.arrive(0, *refused, *GOOD[:5])
    world.rounds(60)
    assert set(world.diagnosed()) == set(ids(0, 5))
    assert len(letters(world)) == 4
    assert 1 <= world.metrics.aborts <= 4


def test_a_topic_that_refuses_the_stub_too_ends_the_run() -> None:
    world = World(cluster=Cluster(max_message_bytes=300))
    world.cluster.arrive(0, malformed(3))
    with pytest.raises(FatalKafkaError, match="smallest dead letter"):
        world.rounds()


@pytest.fixture
def small_topics(broker: Broker) -> Iterator[Topics]:
    """One partition each; dead letters of at most 4 KB."""
    topics = new_topics(broker.bootstrap_servers, 1, max_message_bytes="4096")
    yield topics
    delete_topics(topics)


@pytest.mark.integration
@GUARANTEES
def test_a_dead_letter_beyond_the_limit_of_the_topic_is_a_stub(
    small_topics: Topics, guarantee: Guarantee
) -> None:
    topics = small_topics
    large = Message(b"large", os.urandom(20_000), [])
    produce(topics.servers, topics.windows, [*GOOD[:10], large, *GOOD[10:20]])
    with ConsumerProcess(topics, f"--guarantee={guarantee}") as consumer:
        wait_until_finished(topics)
        consumer.stop()
    [stopped] = consumer.events(STOPPED)
    assert (stopped["diagnosed"], sum(stopped["dead_letters"].values())) == (20, 1)
    [letter] = read_to_end(topics.servers, topics.dead_letters)
    assert letter.key() == large.key
    assert len(letter.value() or b"") < 4096
    assert_each_once_in_order(topics, 21)
