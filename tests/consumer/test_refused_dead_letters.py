"""A dead letter that Kafka refuses is written as a stub, and stops nothing."""

import pytest

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import Message
from tests.consumer.fakes import DEAD_LETTERS, Cluster, malformed
from tests.consumer.world import GOOD, World, ids

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
    refused: Message, limit: int | None, guarantee: str
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
def test_several_refused_dead_letters_cost_one_rewind_each_at_most(guarantee: str) -> None:
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
