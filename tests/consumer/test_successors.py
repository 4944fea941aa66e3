"""A successor completes what its predecessor left, whenever that one died.

Consumers die one after the other, between any two calls of their clients: in a transaction, in a
commit that reached a part of the partitions only, in the middle of a recovery.
"""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.consumer.fakes import (
    DEAD_LETTERS,
    DIAGNOSES,
    OFFSETS,
    Cluster,
    abortable,
    fenced,
    malformed,
    timed_out,
    window,
)
from tests.consumer.world import World

Incident = Callable[[World], None]
PARTS = (*product((DIAGNOSES, DEAD_LETTERS), (0, 1)), OFFSETS)


class Died(BaseException):
    """The process is gone."""


class Life(NamedTuple):
    """One consumer."""

    incidents: list[list[Incident]]
    """In each round."""
    calls: int
    """Of its clients, after which it dies."""
    forgets: bool
    """Whether Kafka forgets partitions when it aborts what this consumer left open."""


def arrives(partition: int, count: int) -> Incident:
    def incident(world: World) -> None:
        begin = world.cluster.log[partition].high_watermark
        numbers = range(begin, begin + count)
        messages = [malformed(n) if n % 4 == 3 else window(n, n % 4) for n in numbers]
        world.cluster.arrive(partition, *messages)

    return incident


def commits_in_part(without: frozenset[object]) -> Incident:
    return lambda world: world.commits_in_part(*without)


def fails_in(call: str, failure: Callable[[], Exception]) -> Incident:
    return lambda world: world.happens_in(call, failure())


INCIDENTS = st.one_of(
    st.builds(commits_in_part, st.frozensets(st.sampled_from(PARTS), min_size=1)),
    st.builds(arrives, st.integers(0, 1), st.integers(1, 6)),
    st.builds(
        fails_in,
        st.sampled_from(("flush", "commit_transaction", "init_transactions", "abort_transaction")),
        st.sampled_from((abortable, fenced, timed_out)),
    ),
)
LIVES = st.lists(
    st.builds(
        Life,
        st.lists(st.lists(INCIDENTS, max_size=3), max_size=8),
        st.integers(0, 120),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


def live(world: World, life: Life) -> None:
    """Go on until it dies."""

    def die() -> None:
        raise Died

    world.cluster.faults.happens_after(life.calls, die)
    try:
        for incidents in (*life.incidents, *[[]] * 100):
            for incident in incidents:
                incident(world)
            world.pipeline.step()
    except Died:
        pass
    world.cluster.faults.clear()
    world.cluster.forgets_partitions = life.forgets


def check(cluster: Cluster) -> None:
    arrived = [(number, message.offset()) for number, log in cluster.log.items() for message in log]
    assert sorted(cluster.places_out()) == sorted(arrived)


def life(*incidents: Incident, calls: int, forgets: bool = False) -> Life:
    return Life([[arrives(0, 4), arrives(1, 4), *incidents]], calls, forgets)


@settings(max_examples=150, deadline=None)
@given(LIVES)
@example([life(commits_in_part(frozenset({(DIAGNOSES, 0)})), calls=60)])
@example([life(commits_in_part(frozenset({OFFSETS})), calls=60)])
@example([life(calls=25, forgets=True)])
@example(
    [
        Life([[arrives(0, 1)]], 0, False),
        Life([[fails_in("flush", abortable), commits_in_part(frozenset({OFFSETS}))]], 71, False),
    ]
)
def test_a_successor_with_the_same_instance_id_completes_it(lives: list[Life]) -> None:
    cluster = Cluster()
    for one in lives:
        live(World(cluster=cluster), one)
    successor = World(cluster=cluster)
    successor.finish()
    check(cluster)


@settings(max_examples=100, deadline=None)
@given(LIVES, st.integers(0, 20))
def test_a_successor_with_another_id_waits_for_what_is_undecided_and_completes_it(
    lives: list[Life], rounds: int
) -> None:
    cluster = Cluster()
    for number, one in enumerate(lives):
        world = World(cluster=cluster, transactional_id=f"consumer-{number}")
        live(world, one)
        for each in world.transactional_ids:
            cluster.transactions.expire(each)
    successor = World(cluster=cluster, transactional_id="successor")
    successor.rounds(rounds)
    cluster.transactions.abort_undecided()
    successor.finish()
    check(cluster)
