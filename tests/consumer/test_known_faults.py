"""Faults of the consumer that the in-memory Kafka shows, and that are not fixed yet.

Each test states what must hold, and fails today. `strict` makes it fail as soon as the fault is
fixed: then the mark goes, and the test moves to where its subject is tested.
"""

from typing import Any

import pytest

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import Message, decode_diagnosis
from consumer.settings import ConsumerSettings
from tests.consumer.fakes import (
    DEAD_LETTERS,
    DIAGNOSES,
    OFFSETS,
    WINDOWS,
    Cluster,
    StubAssessor,
    abortable,
    fenced,
    malformed,
    result_of,
    window,
)
from tests.consumer.world import World
from tests.kafka_in_memory.rival import Rival

GOOD = [window(number, number % 4) for number in range(60)]
HOUR = 3_600_000


def rounds(world: World, count: int = 30) -> None:
    for _ in range(count):
        world.pipeline.step()


def diagnosed(world: World, version: str = StubAssessor.version) -> list[str]:
    """The ids of the windows that the model of this version has diagnosed."""
    found = [
        decode_diagnosis(message.headers, message.value)[1]
        for topic, message in world.cluster.output
        if topic == DIAGNOSES
    ]
    return sorted(one.window_id for one in found if one.model.version == version)


def ids(first: int, end: int) -> list[str]:
    return [f"w{number:06d}" for number in range(first, end)]


def commits_in_part(world: World, *without: object) -> None:
    """Let the markers of the next commit miss these partitions, as a broker that dies does."""

    def commit() -> None:
        world.cluster.leaderless = frozenset(without)
        world.cluster.deaths += 1

    world.happens_in("commit_transaction", commit)


@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="windows of the new topic count as repeated"
)
def test_windows_of_a_topic_made_anew_are_diagnosed() -> None:
    world = World()
    world.cluster.arrive(0, *GOOD[:20])
    rounds(world)
    world.cluster.recreate_topic(WINDOWS)
    world.cluster.arrive(0, *GOOD[20:30])
    rounds(world)
    assert diagnosed(world) == ids(0, 30)


@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="windows after the cut count as repeated"
)
def test_windows_after_a_log_was_cut_off_are_diagnosed() -> None:
    world = World()
    world.cluster.arrive(0, *GOOD[:20])
    rounds(world)
    world.cluster.log_of(WINDOWS, 0).truncate(10)
    world.cluster.arrive(0, *GOOD[20:25])
    rounds(world)
    assert set(diagnosed(world)) == set(ids(0, 25))


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="rewind seeks the committed offset, beyond the end, and expects it from then on",
)
def test_a_rewind_to_an_offset_beyond_the_end_loses_nothing() -> None:
    world = World()
    world.cluster.committed[WINDOWS, 0] = 500
    world.cluster.arrive(0, *GOOD[:10])
    world.happens_in("flush", abortable())
    rounds(world)
    assert diagnosed(world) == ids(0, 10)


@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="recovery compares the window and not the ce_id"
)
def test_recovery_does_not_take_the_diagnosis_of_another_model_for_its_own() -> None:
    class OtherModel(StubAssessor):
        version = "other-model"

    world = World()
    other = Rival(
        world.cluster, "other-model", "other-model", lambda one: result_of(one, OtherModel())
    )
    world.cluster.arrive(0, *GOOD[:4])
    commits_in_part(world, (DIAGNOSES, 0))
    world.happens_in("send_offsets_to_transaction", lambda: other.take(WINDOWS, 0, 4))
    rounds(world)
    world.happens_in("flush", fenced())
    world.cluster.arrive(1, *GOOD[4:8])
    rounds(world)
    assert diagnosed(world, "other-model") == ids(0, 4)
    assert diagnosed(world) == ids(0, 8)


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="recovery commits offsets of a partition that it does not own, from before the read",
)
def test_recovery_never_sets_back_what_another_member_committed() -> None:
    world = World(cluster=Cluster(rivals_wait=False))
    world.cluster.arrive(0, *GOOD[:4])
    commits_in_part(world, OFFSETS)
    while not world.metrics.commits:
        world.pipeline.step()
    world.consumer.evict(0, back=(1,))
    world.cluster.arrive(0, *GOOD[4:30])
    world.happens_in("read", lambda: world.cluster.another_consumer_takes(0, 30))
    rounds(world)
    committed = [at for where, at in world.cluster.members.history if where == (WINDOWS, 0)]
    assert 30 in committed
    assert committed == sorted(committed)


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="the journal takes an earlier transaction for finished, which Kafka finishes only "
    "where a later one writes too; the abort of recovery then takes its diagnoses",
)
def test_recovery_knows_every_transaction_that_may_be_undecided() -> None:
    world = World(cluster=Cluster(decides_all=False))
    world.cluster.arrive(0, *GOOD[:4])
    commits_in_part(world, (DIAGNOSES, 0))
    rounds(world)
    world.cluster.arrive(1, *GOOD[4:8])
    rounds(world)
    world.happens_in("flush", fenced())
    world.cluster.arrive(1, *GOOD[8:12])
    rounds(world)
    assert diagnosed(world) == ids(0, 12)


@pytest.mark.xfail(
    strict=True, raises=FatalKafkaError, reason="recovery writes records without a key"
)
def test_recovers_where_the_diagnoses_topic_is_compacted() -> None:
    world = World(cluster=Cluster(compacted=True))
    world.cluster.arrive(0, *GOOD[:4])
    rounds(world)
    world.happens_in("flush", fenced())
    world.cluster.arrive(0, *GOOD[4:8])
    rounds(world)
    assert diagnosed(world) == ids(0, 8)


@pytest.mark.parametrize("next_transaction", ["none", "open"])
@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="lag is computed from the high watermark"
)
def test_a_transactional_sender_makes_no_window_wait(next_transaction: str) -> None:
    world = World(batch_size=8)
    world.cluster.append_in_transaction(WINDOWS, 0, *GOOD[:3])
    if next_transaction == "open":
        world.cluster.append_in_transaction(WINDOWS, 0, *GOOD[3:5], committed=None)
    rounds(world, 2)
    assert diagnosed(world) == ids(0, 3)
    assert world.clock.now - world.born < ConsumerSettings().max_delay


@pytest.mark.parametrize("on_gap", ["continue", "stop"])
@pytest.mark.xfail(
    strict=True,
    raises=(AssertionError, FatalKafkaError),
    reason="a gap is counted up to where the log begins now, also where the message is from before",
)
def test_windows_fetched_before_retention_moved_are_not_counted_as_lost(on_gap: Any) -> None:
    world = World(prefetch=100)
    world.source._on_gap = on_gap
    world.cluster.append_in_transaction(WINDOWS, 0, *GOOD[:4])
    world.cluster.arrive(0, *GOOD[4:9])
    world.pipeline.step()
    world.cluster.begins[0] = 10
    rounds(world)
    assert diagnosed(world) == ids(0, 9)
    assert world.metrics.skipped == 0


REFUSED = pytest.mark.xfail(
    strict=True, raises=FatalKafkaError, reason="a dead letter that Kafka refuses ends the process"
)


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(
            malformed(5)._replace(value=bytes(9_000_000)),
            id="too large for the client",
            marks=REFUSED,
        ),
        pytest.param(
            malformed(5)._replace(value=bytes(2_000_000)),
            id="too large for the topic",
            marks=REFUSED,
        ),
        pytest.param(malformed(5)._replace(timestamp=3 * HOUR), id="timestamp"),
    ],
)
def test_a_dead_letter_that_kafka_refuses_stops_nothing(refused: Message, guarantee: str) -> None:
    world = World(guarantee)
    world.cluster.arrive(0, *GOOD[:5], refused, *GOOD[5:10])
    rounds(world)
    assert diagnosed(world) == ids(0, 10)
    assert [topic for topic, _ in world.cluster.output].count(DEAD_LETTERS) == 1


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="a second start goes to the end again, as nothing was committed at the first",
)
def test_starting_at_the_latest_keeps_what_came_since_the_group_began() -> None:
    first = World(auto_offset_reset="latest")
    rounds(first, 2)
    first.cluster.arrive(0, *GOOD[:5])
    second = World(cluster=first.cluster, auto_offset_reset="latest")
    rounds(second)
    assert diagnosed(second) == ids(0, 5)


@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="a new partition is read from its end too"
)
def test_starting_at_the_latest_keeps_all_of_a_partition_that_is_added() -> None:
    world = World(auto_offset_reset="latest")
    rounds(world, 2)
    world.cluster.add_partitions(WINDOWS, 3)
    world.cluster.arrive(2, *GOOD[:20])
    world.consumer.assign_later(2)
    rounds(world)
    assert diagnosed(world) == ids(0, 20)
