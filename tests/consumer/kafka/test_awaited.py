"""Partitions whose leader does not respond, while the others are read."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaError

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from consumer.kafka.awaited import RETRY, AwaitedLeaders
from consumer.kafka.start import StartFrom
from consumer.kafka.topic_log import LogRange
from tests.consumer.fake_clients import FakeTopicLog, at_once
from tests.consumer.fakes import WINDOWS, Clock, Cluster, kafka_error, window
from tests.consumer.world import World

FIRST, SECOND = (WINDOWS, 0), (WINDOWS, 1)


def world_with_one_leader(start_from: StartFrom = "earliest") -> World:
    cluster = Cluster()
    for partition in (0, 1):
        cluster.arrive(partition, *(window(10 * partition + number) for number in range(5)))
    cluster.unled.add(FIRST)
    return World(cluster=cluster, start_from=start_from)


def test_the_others_are_diagnosed_meanwhile() -> None:
    world = world_with_one_leader()
    world.rounds()
    assert world.diagnosed() == [f"w{number:06d}" for number in range(10, 15)]
    assert world.source.unresolved == [FIRST]
    assert world.source.awaited == {FIRST}
    world.finish()
    assert len(world.diagnosed()) == 10
    assert not world.source.awaited


def test_one_that_goes_to_another_consumer_is_awaited_no_more() -> None:
    world = world_with_one_leader()
    world.rounds()
    world.consumer.revoke_later(0)
    world.rounds()
    assert world.source.owned == {SECOND}
    assert not world.source.awaited


def test_a_transaction_that_fails_meanwhile_repeats_nothing() -> None:
    world = world_with_one_leader()
    world.rounds()
    world.happens_in("commit_transaction", kafka_error(KafkaError._TIMED_OUT))
    world.cluster.arrive(1, window(20), window(21))
    world.rounds()
    assert len(world.diagnosed()) == 7
    world.finish()
    assert len(world.diagnosed()) == 12


def test_a_new_group_that_begins_at_the_end_waits_for_all() -> None:
    """Else the last partition would begin at its first window: the group is not new any more."""
    world = world_with_one_leader("latest")
    world.rounds()
    assert world.source.positions() == {}
    world.cluster.unled.clear()
    world.rounds()
    world.cluster.arrive(0, window(20))
    world.rounds()
    assert world.diagnosed() == ["w000020"]


class Asked:
    """Questions that stay open until a test responds."""

    def __init__(self) -> None:
        self.open: list[Future[Any]] = []

    def __call__(self, _function: Callable[..., Any], *_arguments: Any) -> Future[Any]:
        self.open.append(Future())
        return self.open[-1]


@pytest.mark.parametrize(
    ("response", "is_due"),
    [
        ({0: LogRange(0, 5)}, True),
        (TransientKafkaError("no leader"), False),
        (FatalKafkaError("not permitted"), True),
    ],
)
def test_a_leader_is_asked_again_and_nothing_waits_for_it(response: Any, is_due: bool) -> None:
    clock, asked = Clock(), Asked()
    awaited = AwaitedLeaders(FakeTopicLog(Cluster()), clock, asked)
    awaited.set([FIRST])
    here = frozenset([FIRST])
    assert not awaited.is_due(here)
    assert not asked.open
    clock.now += RETRY
    assert [awaited.is_due(here) for _ in range(3)] == [False] * 3
    [question] = asked.open
    if isinstance(response, Exception):
        question.set_exception(response)
    else:
        question.set_result(response)
    assert awaited.is_due(here) is is_due
    assert not awaited.is_due(here)
    clock.now += RETRY
    awaited.is_due(here)
    assert len(asked.open) == 2


def test_a_partition_that_is_not_awaited_is_due_at_once() -> None:
    awaited = AwaitedLeaders(FakeTopicLog(Cluster()), Clock(), at_once)
    assert awaited.is_due(frozenset([SECOND]))
    awaited.set([FIRST])
    assert awaited.is_due(frozenset([FIRST, SECOND]))


def test_it_asks_in_a_thread_of_its_own() -> None:
    clock, cluster = Clock(), Cluster()
    awaited = AwaitedLeaders(FakeTopicLog(cluster), clock)
    awaited.set([FIRST])
    clock.now += RETRY
    deadline = time.monotonic() + 10
    while not awaited.is_due(frozenset([FIRST])):
        assert time.monotonic() < deadline
