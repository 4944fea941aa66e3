"""Each window gets one result, in order, with any failures and any rebalances.

The real source, pipeline and delivery run on the cluster in memory. In each round Hypothesis may
inject incidents into any call; then the failures end, and the results in the topics are counted.
"""

from collections import Counter
from collections.abc import Callable
from itertools import product

from confluent_kafka import KafkaError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bearing_stream.vocabulary import FAULT_LABELS
from bearing_stream.wire import Message, decode_diagnosis
from tests.consumer.fakes import (
    DEAD_LETTERS,
    DIAGNOSES,
    OFFSETS,
    WINDOWS,
    abortable,
    fenced,
    kafka_error,
    timed_out,
)
from tests.consumer.world import MESSAGES, World

Incident = Callable[[World], None]


def arrives(partition: int, count: int) -> Incident:
    return lambda world: world.arrive(partition, count)


def fails_in(call: str, failure: Callable[[], Exception]) -> Incident:
    return lambda world: world.happens_in(call, failure())


def polls_at_most(most: int) -> Incident:
    return lambda world: setattr(world.consumer, "most", most)


def moves_to_another(partition: int, others: int, call: str) -> Incident:
    """In the first or the second call of a poll a partition is revoked; later it is assigned."""

    def incident(world: World) -> None:
        def rebalance() -> None:
            world.consumer.revoke_later(partition, others)
            world.consumer.assign_later(partition)

        world.happens_in(call, rebalance)

    return incident


def is_evicted_in(call: str, others: int) -> Incident:
    return lambda world: world.happens_in(call, lambda: world.consumer.evict(others))


def loses_the_response(world: World) -> None:
    world.happens_in("commit_transaction", lambda: world.producer.commit_without_response())


def is_committed_in_part(without: frozenset[object], responds: bool) -> Incident:
    """Kafka commits, but partitions without a leader do not get the commit marker."""

    def incident(world: World) -> None:
        def commit() -> None:
            world.cluster.leaderless = without
            world.cluster.deaths += 1
            if not responds:
                world.producer.commit_without_response()

        world.happens_in("commit_transaction", commit)

    return incident


def hangs_in(call: str) -> Incident:
    return lambda world: world.happens_in(call, lambda: world.producer.be_stuck())


def presumes_a_record(world: World) -> None:
    """A record is missing although the client reports that it was delivered."""
    world.happens_in("produce", lambda: world.producer.lose_next())


def loses_its_leader(partition: int, call: str) -> Incident:
    """A partition has no leader from a call on; a transaction fails, so that all are rewound."""

    def incident(world: World) -> None:
        world.happens_in(call, lambda: world.cluster.unled.add((WINDOWS, partition)))
        world.happens_in("commit_transaction", abortable())

    return incident


def gets_its_leader(partition: int) -> Incident:
    return lambda world: world.cluster.unled.discard((WINDOWS, partition))


CALLS = (
    *("begin_transaction", "produce", "flush", "check_leaders"),
    "send_offsets_to_transaction",
)
PARTS = (*product((DIAGNOSES, DEAD_LETTERS), (0, 1)), OFFSETS)
INCIDENTS = st.one_of(
    st.builds(is_committed_in_part, st.frozensets(st.sampled_from(PARTS)), st.booleans()),
    st.builds(arrives, st.integers(0, 1), st.integers(1, 9)),
    st.builds(polls_at_most, st.integers(1, 5)),
    st.builds(
        fails_in,
        st.sampled_from((*CALLS, "commit_transaction", "abort_transaction")),
        st.sampled_from((abortable, fenced, timed_out)),
    ),
    st.builds(fails_in, st.just("produce"), st.just(BufferError)),
    st.builds(
        fails_in,
        st.sampled_from(("committed", "seek", "init_transactions", "commit")),
        st.sampled_from((timed_out, lambda: kafka_error(KafkaError._STATE))),
    ),
    st.builds(hangs_in, st.sampled_from((*CALLS, "commit_transaction", "abort_transaction"))),
    st.just(loses_the_response),
    st.builds(loses_its_leader, st.integers(0, 1), st.sampled_from(("consume", "seek", "commit"))),
    st.builds(gets_its_leader, st.integers(0, 1)),
    st.just(presumes_a_record),
    st.builds(
        moves_to_another,
        st.integers(0, 1),
        st.integers(0, 5),
        st.sampled_from(("consume", "consume_more")),
    ),
    st.builds(
        is_evicted_in,
        st.sampled_from(
            (
                *("consume_more", "produce", "consumer_group_metadata", "check_leaders", "flush"),
                "commit_transaction",
            )
        ),
        st.integers(0, 5),
    ),
)
LIVES = st.lists(st.lists(INCIDENTS, max_size=3), max_size=25)


def live(world: World, life: list[list[Incident]]) -> None:
    world.arrive(0, 7)
    world.arrive(1, 5)
    for incidents in life:
        for incident in incidents:
            incident(world)
        world.pipeline.step()
    world.finish()


@settings(max_examples=150, deadline=None)
@given(LIVES, st.booleans())
@example([[is_evicted_in("flush", 5)], *[[]] * 5], False)
@example([[is_evicted_in("check_leaders", 5)], *[[]] * 5], False)
@example([[is_evicted_in("consumer_group_metadata", 5)], *[[]] * 5], False)
@example([[], [], [moves_to_another(0, 1, "consume")]], False)
@example(
    [
        *[[]] * 5,
        [is_committed_in_part(frozenset({(DIAGNOSES, 0)}), True), loses_the_response],
        [arrives(0, 1)],
        [],
    ],
    False,
)
@example([[], [moves_to_another(0, 3, "consume_more")], [], []], False)
@example([[loses_the_response], *[[]] * 5], False)
@example([[presumes_a_record], *[[]] * 5], False)
@example([[loses_its_leader(0, "consume")], *[[]] * 9, [gets_its_leader(0)], *[[]] * 9], False)
@example([[fails_in("flush", fenced)], *[[]] * 5], True)
@example(
    [[is_committed_in_part(frozenset({(DIAGNOSES, 0)}), True)], [], [fails_in("flush", fenced)]],
    False,
)
@example(
    [[is_committed_in_part(frozenset({OFFSETS}), True)], [], [fails_in("flush", fenced)]], False
)
def test_exactly_once_with_any_failures(life: list[list[Incident]], forgets: bool) -> None:
    world = World()
    world.cluster.forgets_partitions = forgets
    live(world, life)
    assert sorted(world.cluster.places_out()) == sorted(origins_in(world))
    for topic in (DIAGNOSES, DEAD_LETTERS):
        for number in (0, 1):
            out = [place for place in world.cluster.places_out(topic) if place[0] == number]
            assert out == sorted(out)
    check_contents(world)


@settings(max_examples=60, deadline=None)
@given(LIVES)
@example([[presumes_a_record], *[[]] * 5])
@example([[loses_its_leader(0, "consume")], *[[]] * 9, [gets_its_leader(0)], *[[]] * 9])
def test_at_least_once_with_any_failures(life: list[list[Incident]]) -> None:
    world = World("at-least-once")
    live(world, life)
    assert set(world.cluster.places_out()) == set(origins_in(world))
    check_contents(world)


def origins_in(world: World) -> list[tuple[int, int]]:
    return [
        (number, message.offset()) for number, log in world.cluster.log.items() for message in log
    ]


def check_contents(world: World) -> None:
    """Each window has its own diagnosis; each malformed message is a dead letter, unchanged."""
    for topic, message in world.cluster.output:
        if topic == DIAGNOSES:
            _, diagnosis = decode_diagnosis(message.headers, message.value)
            number = int(diagnosis.window_id[1:])
            assert diagnosis.prediction == FAULT_LABELS[number % 4]
            place = diagnosis.input
            assert world.cluster.log[place.partition][place.offset].message == MESSAGES[number]
        elif topic == DEAD_LETTERS:
            original = MESSAGES[int((message.key or b"")[3:])]
            assert message[:2] == original[:2]
            assert message.headers[: len(original.headers)] == original.headers


def test_the_metrics_count_what_was_committed() -> None:
    world = World()
    live(world, [[fails_in("commit_transaction", abortable)], *[[]] * 9])
    topics = Counter(topic for topic, _ in world.cluster.output)
    assert world.metrics.diagnosed == topics[DIAGNOSES]
    assert sum(world.metrics.dead_letters.values()) == topics[DEAD_LETTERS]
    assert world.metrics.aborts == 1


def test_a_dead_letter_keeps_the_original() -> None:
    world = World()
    world.cluster.arrive(0, Message(b"k", b"\x00\xff", [("h", b"1"), ("h", None)], 77))
    world.finish()
    [(topic, message)] = world.cluster.output
    assert topic == DEAD_LETTERS
    assert (message.key, message.value) == (b"k", b"\x00\xff")
    assert message.headers[:2] == [("h", b"1"), ("h", None)]
    assert ("bearing-timestamp", b"77") in message.headers
