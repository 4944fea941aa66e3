"""Times of records and of clocks go back and forth: nothing is lost, and nothing repeated."""

import random
import signal
import time
from collections.abc import Iterator
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bearing_stream.kafka import create_topics
from bearing_stream.wire import Message
from tests.brokers import Broker
from tests.consumer.fakes import OUTPUT, WINDOWS, abortable, timed_out, window
from tests.consumer.test_guarantee import (
    Incident,
    fails_in,
    is_evicted_in,
    moves_to_another,
)
from tests.consumer.world import GOOD, Guarantee, World, ids
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Topics,
    assert_each_once_in_order,
    delete_topics,
    eventually,
    named_topics,
    produce,
    read_diagnoses,
    wait_until_finished,
)

HOUR = 3_600_000
"""Milliseconds."""

INCIDENTS: list[Incident] = [
    fails_in("commit_transaction", timed_out),
    fails_in("send_offsets_to_transaction", abortable),
    fails_in("commit", timed_out),
    is_evicted_in("consume", 2),
    moves_to_another(0, 2, "consume"),
]


@settings(max_examples=100)
@given(
    times=st.lists(st.integers(-1, 2**42), min_size=1, max_size=20),
    clock=st.lists(st.floats(0, 2**33), min_size=1, max_size=20),
    incidents=st.lists(st.sampled_from(INCIDENTS), max_size=3),
)
def test_any_times_and_any_clock(
    times: list[int], clock: list[float], incidents: list[Incident]
) -> None:
    ticks = cycle(clock)
    world = World("exactly-once", wall_clock=lambda: next(ticks)).joined()
    stamped = [one._replace(timestamp=at) for one, at in zip(GOOD, cycle(times), strict=False)]
    for number, message in enumerate(stamped[:40]):
        if number % 10 == 5 and incidents:
            incidents.pop()(world)
        world.cluster.arrive(number % 2, message)
        world.pipeline.step()
    world.finish()
    assert world.diagnosed()[:40] == ids(0, 40)
    places = world.cluster.places_out(*OUTPUT)
    assert len(places) == len(set(places)), "nothing is repeated"
    assert {(WINDOWS, number) for number, _ in places} == world.cluster.ends.keys()


@pytest.fixture(params=["CreateTime", "LogAppendTime"])
def topics(request: pytest.FixtureRequest, broker: Broker) -> Iterator[Topics]:
    """Topics whose records have the time of the sender, or of the broker."""
    topics = named_topics(broker.bootstrap_servers)
    names = (topics.windows, topics.diagnoses, topics.dead_letters)
    kind = {"message.timestamp.type": str(request.param)}
    create_topics({"bootstrap.servers": topics.servers}, dict.fromkeys(names, 2), 1, kind)
    yield topics
    delete_topics(topics)


def windows(first: int, count: int) -> list[Message]:
    """Windows whose times are up to two days ago, and 50 minutes ahead; Kafka takes an hour."""
    rng, now = random.Random(first), round(time.time() * 1000)
    return [
        window(number)._replace(timestamp=now + rng.randrange(-48 * HOUR, 5 * HOUR // 6))
        for number in range(first, first + count)
    ]


@pytest.mark.integration
@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_times_of_records_that_go_back_and_forth(topics: Topics, guarantee: Guarantee) -> None:
    arguments = f"--guarantee={guarantee}", "--session-timeout=6", "--transaction-timeout=2"
    produce(topics.servers, topics.windows, windows(0, 50))
    with ConsumerProcess(topics, *arguments) as consumer:
        eventually(lambda: len(read_diagnoses(topics)) == 50, "the first diagnoses")
        wait_until_finished(topics)
        if guarantee == "exactly-once":
            consumer.send(signal.SIGKILL)
            consumer.wait()
        else:
            consumer.stop()
    produce(topics.servers, topics.windows, windows(50, 50))
    with ConsumerProcess(topics, *arguments) as consumer:
        wait_until_finished(topics)
        consumer.stop()
    assert_each_once_in_order(topics, 100)
