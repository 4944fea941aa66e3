"""When batches are dispatched and transactions are committed, and what is never committed."""

from itertools import cycle

import pytest

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import decode_diagnosis
from consumer.delivery.states import State
from consumer.liveness.budget import MAX_BACKOFF, Budget
from consumer.metrics import DispatchReason
from consumer.settings import ConsumerSettings
from tests.consumer.fakes import DIAGNOSES, WINDOWS, abortable, kafka_error, timed_out, window
from tests.consumer.world import GOOD, Guarantee, World, ids

FULL, DELAY, CAUGHT_UP = DispatchReason.FULL, DispatchReason.DELAY, DispatchReason.CAUGHT_UP
BEGINNINGS = {(WINDOWS, 0): 0, (WINDOWS, 1): 0}
"""What is committed when a group begins."""


def steps(world: World, count: int, each: float = 0.0) -> None:
    for _ in range(count):
        world.pipeline.step()
        world.clock.sleep(each)


def test_a_batch_does_not_wait_when_there_is_nothing_more_to_fetch() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 1)
    steps(world, 2)
    assert dict(world.metrics.batches) == {CAUGHT_UP: 1}
    assert world.cluster.places_out() == [(0, 0)]
    # The polls for more messages did not wait.
    assert world.clock.now - world.born < 0.01


def test_a_full_batch_is_dispatched_at_once() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 9)
    world.pipeline.step()
    assert dict(world.metrics.batches) == {FULL: 1}


def test_a_batch_is_dispatched_when_its_oldest_window_has_waited() -> None:
    world = World(batch_size=100).joined()
    world.consumer.most = 1
    world.arrive(0, 100)
    steps(world, 5, each=0.006)
    assert dict(world.metrics.batches) == {DELAY: 1}


@pytest.mark.parametrize("batch_size", [4, 100])
def test_a_wall_clock_that_jumps_changes_only_the_latencies(batch_size: int) -> None:
    def life(*wall_clock: float) -> World:
        ticks = cycle(wall_clock)
        world = World(batch_size=batch_size, wall_clock=lambda: next(ticks)).joined()
        world.consumer.most = 3
        world.arrive(0, 60)
        steps(world, 60, each=0.007)
        return world

    steady, jumping = life(2.0), life(90_000.0, 0.5, -7_200.0, 3_000.0)
    assert jumping.metrics.batches == steady.metrics.batches
    assert jumping.metrics.commits == steady.metrics.commits
    assert jumping.clock.now == steady.clock.now
    assert jumping.cluster.places_out() == steady.cluster.places_out()
    latencies = [
        decode_diagnosis(message.headers, message.value)[1].latency_ms.total
        for topic, message in jumping.cluster.output
        if topic == DIAGNOSES
    ]
    assert min(latencies) < 0 < max(latencies)


@pytest.mark.parametrize("each", [0.001, 0.1, 1.0])
def test_no_round_is_long_on_a_slow_device(each: float) -> None:
    """Even with large batches, a round ends before the group or the transaction times out."""
    world = World(batch_size=65_536, each=each).joined()
    world.arrive(0, 200)
    rounds = []
    while world.cluster.committed != world.cluster.ends:
        before = world.clock.now
        world.pipeline.step()
        rounds.append(world.clock.now - before)
    # The duration of the first batch cannot be predicted.
    target = ConsumerSettings().target_batch_duration
    assert max(rounds[2:], default=0.0) <= target + each
    assert max(rounds) < Budget.of(ConsumerSettings()).watchdog
    assert world.metrics.aborts == 0


def test_a_transaction_spans_batches_up_to_the_commit_interval_under_load() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 150)
    while not world.metrics.commits:
        steps(world, 1, each=0.03)
    # 0.2 s of commit interval at 0.03 s a batch.
    assert world.metrics.batches[FULL] == 8
    assert world.metrics.diagnosed + sum(world.metrics.dead_letters.values()) == 32


def test_the_transaction_is_committed_at_once_when_caught_up() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 4)
    steps(world, 2)
    assert (world.metrics.commits, world.delivery.state) == (1, State.IDLE)


def test_offsets_of_malformed_messages_are_committed_with_their_dead_letters() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 4)  # The fourth is malformed.
    steps(world, 2)
    assert world.cluster.committed == {(WINDOWS, 0): 4, (WINDOWS, 1): 0}


def test_uncertain_diagnoses_are_counted_by_flag_once_they_are_committed() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 5)  # Of these, the first and the fifth are a Ball, a novelty to the stub.
    world.pipeline.step()
    assert world.metrics.as_dict()["uncertain"] == {}
    steps(world, 3)
    assert world.metrics.as_dict()["uncertain"] == {"novelty": 2}
    [first, *_] = [message for topic, message in world.cluster.output if "diagnoses" in topic]
    _, diagnosis = decode_diagnosis(first.headers, first.value)
    assert (diagnosis.quality, diagnosis.reasons, diagnosis.novelty) == (
        ("uncertain", ["novelty"], 2)
    )


def test_stopping_finishes_what_is_in_flight() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 3)
    world.pipeline.step()
    assert world.cluster.output == []
    world.pipeline.stop()
    world.pipeline.run()
    assert len(world.cluster.output) == 3
    assert world.cluster.committed == {(WINDOWS, 0): 3, (WINDOWS, 1): 0}


def test_what_cannot_be_committed_when_stopping_is_left_to_the_next_consumer() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 3)
    world.pipeline.step()
    world.happens_in("commit_transaction", abortable())
    world.pipeline.stop()
    world.pipeline.run()
    world.consumer.close()
    assert world.cluster.output == []
    assert world.cluster.committed == BEGINNINGS


def test_a_revocation_does_not_commit_what_failed() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 4)
    world.happens_in("flush", abortable())
    world.happens_in("abort_transaction", timed_out())
    world.happens_in("init_transactions", timed_out())
    steps(world, 2)
    world.pipeline.on_partitions_revoked()
    assert world.cluster.output == []


def test_after_a_fatal_error_leaving_the_group_commits_nothing() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 4)
    # The first diagnosis is published, the second is refused.
    world.happens_in("produce", lambda: None)
    world.happens_in("produce", kafka_error(10))
    with pytest.raises(FatalKafkaError, match=r"max\.message\.bytes"):
        world.pipeline.run()
    world.consumer.close()
    assert world.cluster.output == []
    assert world.cluster.committed == BEGINNINGS


def test_after_any_error_leaving_the_group_commits_nothing() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 4)
    world.happens_in("produce", lambda: None)
    world.happens_in("produce", MemoryError())
    with pytest.raises(MemoryError):
        world.pipeline.run()
    world.consumer.close()
    assert world.cluster.output == []


def test_a_fatal_error_during_a_revocation_ends_the_run() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 1)
    world.pipeline.step()
    world.happens_in("commit_transaction", kafka_error(53))
    world.happens_in("consume_more", lambda: world.consumer.revoke_later(0))
    with pytest.raises(FatalKafkaError, match="transactional"):
        world.pipeline.run()
    assert world.cluster.committed == BEGINNINGS


def test_a_fatal_error_while_recovering_ends_the_run() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 4)
    world.happens_in("commit_transaction", abortable())
    world.happens_in("committed", kafka_error(30))
    with pytest.raises(FatalKafkaError, match="consumer group"):
        world.pipeline.run()


def test_failures_without_a_commit_between_them_are_retried_with_growing_pauses() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 4)
    waits = []
    for _ in range(12):
        world.happens_in("flush", abortable())
        before = world.clock.now
        steps(world, 3)  # Publish, fail to commit, rewind.
        waits.append(world.clock.now - before)
    assert waits[:4] == pytest.approx([0.0, 0.1, 0.2, 0.4], abs=0.02)
    assert waits[-1] == pytest.approx(MAX_BACKOFF, abs=0.02)
    world.finish()
    world.cluster.arrive(0, window(0))
    world.happens_in("flush", abortable())
    before = world.clock.now
    steps(world, 3)
    assert world.clock.now - before < 0.1


def test_each_round_is_called_also_while_waiting_for_kafka() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 4)
    world.happens_in("commit_transaction", abortable())
    for _ in range(5):
        world.happens_in("committed", timed_out())
    rounds = 0

    def each_round() -> None:
        nonlocal rounds
        rounds += 1
        if world.cluster.output:
            world.pipeline.stop()

    world.pipeline.run(each_round)
    assert rounds >= 6
    assert len(world.cluster.output) == 4


@pytest.mark.parametrize("next_transaction", ["none", "open"])
def test_a_transactional_sender_makes_no_window_wait(next_transaction: str) -> None:
    world = World(batch_size=8).joined()
    world.cluster.append_in_transaction(WINDOWS, 0, *GOOD[:3])
    if next_transaction == "open":
        world.cluster.append_in_transaction(WINDOWS, 0, *GOOD[3:5], committed=None)
    while not world.cluster.output:
        world.pipeline.step()
    assert world.diagnosed() == ids(0, 3)
    assert world.clock.now - world.born < ConsumerSettings().max_delay


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_partitions_that_are_assigned_under_load_abort_nothing(guarantee: Guarantee) -> None:
    world = World(guarantee, batch_size=4).joined()
    world.consumer.revoke_later(1)
    world.rounds(3)
    world.arrive(0, 4)
    world.pipeline.step()
    assert world.delivery.state is State.OPEN
    world.arrive(1, 4)
    world.consumer.assign_later(1)
    world.rounds()
    assert len(world.cluster.output) == 8
    assert world.metrics.aborts == 0
