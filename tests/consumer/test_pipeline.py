"""When batches are dispatched and transactions are committed, and what is never committed."""

from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import decode_diagnosis
from consumer.delivery.states import State
from consumer.liveness.budget import MAX_BACKOFF, Budget
from consumer.metrics import DispatchReason
from consumer.settings import ConsumerSettings
from model.assessment import Assessment
from tests.consumer.fakes import (
    DIAGNOSES,
    WINDOWS,
    FakeMessage,
    StubAssessor,
    abortable,
    kafka_error,
    measurement,
    timed_out,
    window,
)
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
def test_a_wall_clock_that_jumps_changes_only_the_latencies(
    monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    def life(*wall_clock: float) -> World:
        ticks = cycle(wall_clock)
        monkeypatch.setattr("consumer.pipeline.time.time", lambda: next(ticks))
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
    world.cluster.arrive(0, *(window(number) for number in range(200)))
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
    world.cluster.arrive(0, *(window(number) for number in range(150)))
    while not world.metrics.commits:
        steps(world, 1, each=0.03)
    # 0.2 s of commit interval at 0.03 s a batch.
    assert world.metrics.batches[FULL] == 8
    assert world.metrics.diagnosed == 32


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


def test_leaving_the_group_after_the_end_begins_no_transaction() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 2)
    world.pipeline.stop()
    world.pipeline.run()
    world.delivery.close()
    world.pipeline._batch.add(FakeMessage(window(9), 0, 9), world.clock.now)
    world.consumer.close()
    assert world.delivery.state is State.CLOSED
    assert world.pipeline._fatal is None


def test_a_pause_between_attempts_ends_when_the_consumer_is_to_stop() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 4)
    world.happens_in("flush", abortable())
    attempts: list[float] = []

    def fail() -> None:
        attempts.append(world.clock.now)
        raise timed_out()

    for _ in range(100):
        world.happens_in("init_transactions", fail)
    steps(world, 12)
    before, count = world.clock.now, len(attempts)

    def stop_after_a_second(seconds: float) -> None:
        world.clock.sleep(seconds)
        if world.clock.now >= before + 1.0:
            world.pipeline.stop()

    world.pipeline._sleep = stop_after_a_second
    world.pipeline.run()
    assert world.clock.now == pytest.approx(before + 1.0, abs=0.11)
    assert len(attempts) == count
    assert world.cluster.committed == BEGINNINGS


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


def test_measurements_that_were_polled_together_go_into_several_batches() -> None:
    """A poll brings as many messages as a batch has windows, and each may hold several."""
    world = World(batch_size=4).joined()
    world.cluster.arrive(0, *(measurement(number, windows=3) for number in range(4)))
    world.pipeline.step()
    assert dict(world.metrics.batches) == {FULL: 2}
    world.rounds(5)
    assert world.diagnosed() == ids(0, 4)
    assert (world.metrics.diagnosed, world.metrics.windows) == (4, 12)
    found = [
        decode_diagnosis(message.headers, message.value)[1]
        for topic, message in world.cluster.output
        if topic == DIAGNOSES
    ]
    assert [(one.windows, one.batch_size, one.unit) for one in found] == [(3, 6, "g")] * 4


class Observing(StubAssessor):
    """Notes whether a transaction is open while it assesses."""

    def __init__(self) -> None:
        self.is_open: Callable[[], bool] = lambda: False
        self.found: list[tuple[int, bool]] = []

    def assess(self, windows: NDArray[np.float32], *others: Any) -> Assessment:
        self.found.append((len(windows), self.is_open()))
        return super().assess(windows, *others)


def test_what_is_open_is_committed_before_a_measurement_much_larger_than_a_batch() -> None:
    """It takes longer than others, and what came before it must not be aborted meanwhile."""
    assessor = Observing()
    world = World(batch_size=4, assessor=assessor).joined()
    assessor.is_open = lambda: world.delivery.state is not State.IDLE
    world.cluster.arrive(0, *(measurement(number, windows=4) for number in range(2)))
    world.cluster.arrive(0, measurement(2, windows=30))
    world.rounds(10)
    assert world.diagnosed() == ids(0, 3)
    assert assessor.found == [(4, False), (4, True), (30, False)]


def test_a_stop_is_noticed_between_the_batches_of_a_poll() -> None:
    """A poll may bring more than can be diagnosed before the process must end."""
    assessor = Observing()
    world = World(batch_size=4, assessor=assessor).joined()
    world.cluster.arrive(0, *(measurement(number, windows=4) for number in range(4)))
    fed: list[int] = []

    def stop_after_two() -> None:
        fed.append(len(assessor.found))
        if len(assessor.found) == 2:
            world.pipeline.stop()

    world.pipeline.run(stop_after_two)
    assert max(fed) == 2
    assert world.diagnosed() == ids(0, 2)
    assert world.cluster.committed[WINDOWS, 0] == 2
