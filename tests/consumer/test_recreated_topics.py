"""No window is lost or passed over where the log is another one than the one that was read.

A topic is deleted and created anew, a log is cut off, retention overtakes, partitions are added.
"""

import pytest
from structlog.testing import capture_logs

from consumer.events import LOG_TRUNCATED, OFFSETS_SKIPPED, TOPIC_RECREATED
from tests.consumer.fakes import WINDOWS, abortable
from tests.consumer.world import GOOD, Guarantee, World, ids

GUARANTEES = pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])


@GUARANTEES
@pytest.mark.parametrize("more", [0, 5, 20, 40])
def test_windows_of_a_topic_made_anew_are_diagnosed(guarantee: Guarantee, more: int) -> None:
    world = World(guarantee)
    world.cluster.arrive(0, *GOOD[:20])
    world.rounds()
    world.cluster.recreate_topic(WINDOWS)
    world.cluster.arrive(0, *GOOD[20 : 20 + more])
    with capture_logs() as lines:
        world.rounds()
    assert world.diagnosed() == ids(0, 20 + more)
    assert world.cluster.committed[WINDOWS, 0] == more, "the stale offset is replaced"
    recreated = [line for line in lines if line["event"] == TOPIC_RECREATED.name]
    names = ("partition", "expected", "begin", "end", "resumed_at")
    assert [tuple(line[name] for name in names) for line in recreated] == [
        (0, 20, 0, more, 0),
        (1, 0, 0, 0, 0),
    ]
    assert world.metrics.restarted_partitions == 2


@GUARANTEES
def test_a_topic_made_anew_while_nobody_consumed_is_read_from_its_beginning(
    guarantee: Guarantee,
) -> None:
    first = World(guarantee)
    first.cluster.arrive(0, *GOOD[:20])
    first.rounds()
    first.cluster.recreate_topic(WINDOWS)
    first.cluster.arrive(0, *GOOD[20:60])
    second = World(guarantee, cluster=first.cluster)
    second.rounds()
    assert second.diagnosed() == ids(0, 60)
    assert second.metrics.restarted_partitions == 2


@GUARANTEES
def test_a_consumer_without_partitions_waits_where_the_topic_is_made_anew(
    guarantee: Guarantee,
) -> None:
    world = World(guarantee)
    world.cluster.arrive(0, *GOOD[:20])
    world.rounds()
    world.consumer.evict(0, back=())
    world.rounds()
    world.cluster.recreate_topic(WINDOWS)
    world.cluster.arrive(0, *GOOD[20:40])
    with capture_logs() as lines:
        world.rounds()
    assert not world.tracker.owned
    assert lines == [], "it does not rewind"
    world.consumer.assign_later(0, 1)
    world.rounds()
    assert world.diagnosed() == ids(0, 40)
    assert world.metrics.restarted_partitions == 2


@GUARANTEES
@pytest.mark.parametrize("more", [5, 20])
def test_windows_after_a_log_was_cut_off_are_diagnosed(guarantee: Guarantee, more: int) -> None:
    world = World(guarantee)
    world.cluster.arrive(0, *GOOD[:20])
    world.rounds()
    world.cluster.log_of(WINDOWS, 0).truncate(10)
    world.cluster.arrive(0, *GOOD[20 : 20 + more])
    with capture_logs() as lines:
        world.rounds()
    assert set(world.diagnosed()) == set(ids(0, 20 + more))
    assert LOG_TRUNCATED.name in {line["event"] for line in lines}
    assert world.metrics.restarted_partitions >= 1


@GUARANTEES
def test_a_rewind_to_an_offset_beyond_the_end_loses_nothing(guarantee: Guarantee) -> None:
    world = World(guarantee)
    world.cluster.committed[WINDOWS, 0] = 500
    world.cluster.arrive(0, *GOOD[:10])
    world.happens_in("flush", abortable())
    world.rounds()
    assert set(world.diagnosed()) == set(ids(0, 10))


@pytest.mark.parametrize("stop_on_gap", [False, True])
def test_windows_fetched_before_retention_moved_are_not_counted_as_lost(stop_on_gap: bool) -> None:
    world = World(prefetch=100, stop_on_gap=stop_on_gap).joined()
    world.cluster.append_in_transaction(WINDOWS, 0, *GOOD[:4])
    world.cluster.arrive(0, *GOOD[4:9])
    world.pipeline.step()
    world.cluster.begins[0] = 10
    with capture_logs() as lines:
        world.rounds()
    assert world.diagnosed() == ids(0, 9)
    assert world.metrics.skipped == 0
    assert OFFSETS_SKIPPED.name not in {line["event"] for line in lines}


def test_starting_at_the_latest_keeps_what_came_since_the_group_began() -> None:
    first = World(start_from="latest").joined()
    first.cluster.arrive(0, *GOOD[:5])
    second = World(cluster=first.cluster, start_from="latest")
    second.rounds()
    assert second.diagnosed() == ids(0, 5)


def test_starting_at_the_latest_leaves_out_what_came_before() -> None:
    world = World(start_from="latest")
    world.cluster.arrive(0, *GOOD[:5])
    world.joined()
    world.cluster.arrive(0, *GOOD[5:8])
    world.rounds()
    assert world.diagnosed() == ids(5, 8)


def test_starting_at_the_latest_keeps_all_of_a_partition_that_is_added() -> None:
    world = World(start_from="latest").joined()
    world.cluster.add_partitions(WINDOWS, 3)
    world.cluster.arrive(2, *GOOD[:20])
    world.consumer.assign_later(2)
    world.rounds()
    assert world.diagnosed() == ids(0, 20)
