"""The deadlines add up: nobody gives a consumer up that works, and a consumer that stops, stops."""

import ast
from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bearing_stream.kafka import ClusterErrors
from consumer.kafka import clients
from consumer.liveness import budget
from consumer.liveness.budget import Budget
from consumer.settings import ConsumerSettings
from tests.consumer.fake_clients import FakeProducer
from tests.consumer.fakes import timed_out
from tests.consumer.world import GOOD, Guarantee, World
from tests.paths import ROOT


@st.composite
def any_settings(draw: st.DrawFn) -> ConsumerSettings:
    """Every setting that has a bound, within its bounds."""
    transaction = draw(st.floats(1, 900))
    return ConsumerSettings(
        transaction_timeout=transaction,
        commit_interval=draw(st.floats(0.001, min(60.0, transaction / 2))),
        session_timeout=draw(st.floats(1, 1800)),
        max_delay=draw(st.floats(0, 60)),
        topic_check_interval=draw(st.floats(0.1, 3600)),
        batch_size=draw(st.integers(1, 65_536)),
    )


@given(any_settings())
def test_what_a_consumer_does_ends_before_it_is_given_up(settings: ConsumerSettings) -> None:
    found = Budget.of(settings)
    assert found.stop <= budget.SHUTDOWN
    assert found.watchdog > found.round
    assert found.watchdog > found.recovery
    assert found.poll_interval > found.watchdog
    assert found.session <= found.poll_interval


@given(any_settings())
def test_a_round_holds_each_of_its_steps(settings: ConsumerSettings) -> None:
    found = Budget.of(settings)
    # A batch that is dispatched when it is too late for the one before it, and the commit of both.
    steps = 2 * settings.target_batch_duration + settings.transaction_timeout
    assert found.round >= steps + budget.COMMITTED + budget.QUEUE
    assert found.round >= found.revocation + found.resolve + steps
    assert found.recovery >= budget.MAX_BACKOFF + budget.RECOVERY + budget.HANG
    assert found.resolve >= 2 * budget.COMMITTED


SLOW = ("flush", "send_offsets_to_transaction", "commit_transaction", "init_transactions")


class Slowness:
    """A consumer with a batch in flight, whose calls take all of their time and then fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, guarantee: Guarantee, *slow: str) -> None:
        self.world = World(guarantee, batch_size=64, each=0.25).joined()
        self.world.cluster.arrive(0, *GOOD[:8])
        self.world.pipeline.step()
        assert self.world.metrics.batches.total() == 0, "the batch waits for more"
        # Where it begins while others go on, it has taken no more time by the end of them.
        self.world.caller.early = cycle([False])
        for call in (*slow, "abort_transaction"):
            monkeypatch.setattr(FakeProducer, call, partial(self._takes_its_time, call))

    def _takes_its_time(self, call: str, *arguments: Any) -> int:
        hangs = budget.HANG if call == "send_offsets_to_transaction" else 0.0
        self.world.clock.sleep(arguments[-1] + hangs)
        if call == "flush":
            return 1
        raise timed_out()

    def seconds(self, action: Callable[[], object]) -> float:
        began = self.world.clock.now
        action()
        return self.world.clock.now - began


BUDGET = Budget.of(ConsumerSettings())


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
@pytest.mark.parametrize("slow", [SLOW[number:] for number in range(len(SLOW) + 1)])
def test_what_is_in_flight_is_finished_or_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch, guarantee: Guarantee, slow: tuple[str, ...]
) -> None:
    slowness = Slowness(monkeypatch, guarantee, *slow)
    pipeline = slowness.world.pipeline
    seconds = slowness.seconds(pipeline.on_partitions_revoked)
    assert 8 * 0.25 <= seconds <= BUDGET.revocation


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
@pytest.mark.parametrize("slow", [SLOW[number:] for number in range(len(SLOW) + 1)])
def test_a_consumer_that_stops_has_left_in_time(
    monkeypatch: pytest.MonkeyPatch, guarantee: Guarantee, slow: tuple[str, ...]
) -> None:
    slowness = Slowness(monkeypatch, guarantee, *slow)
    pipeline = slowness.world.pipeline
    pipeline.stop()

    def stop() -> None:
        pipeline.run()
        slowness.world.delivery.close()
        slowness.world.source.close()

    seconds = slowness.seconds(stop)
    assert 8 * 0.25 <= seconds <= BUDGET.stop - budget.LEAVE


def test_waiting_for_the_queue_takes_its_time_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slowness = Slowness(monkeypatch, "exactly-once", *SLOW)

    def full(*_: object, **__: object) -> None:
        raise BufferError

    monkeypatch.setattr(FakeProducer, "produce", full)
    monkeypatch.setattr(
        FakeProducer, "poll", lambda _, seconds: slowness.world.clock.sleep(seconds)
    )
    seconds = slowness.seconds(slowness.world.pipeline.on_partitions_revoked)
    assert seconds <= BUDGET.revocation


def test_the_process_ends_within_ten_seconds_of_a_signal() -> None:
    assert budget.SHUTDOWN < 10


@given(any_settings())
def test_the_clients_get_the_deadlines_of_the_table(settings: ConsumerSettings) -> None:
    found = Budget.of(settings)
    made: list[dict[str, object]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "new_client", lambda _kind, properties: made.append(properties))
        clients.new_consumer(settings, ClusterErrors())
    [properties] = made
    assert properties["max.poll.interval.ms"] == round(found.poll_interval * 1000)
    assert properties["session.timeout.ms"] == round(found.session * 1000)


def test_settings_that_could_not_be_kept_are_refused() -> None:
    for wrong in ({"transaction_timeout": 0.5}, {"session_timeout": 3600}, {"max_delay": 61}):
        try:
            ConsumerSettings.model_validate(wrong)
        except ValidationError:
            continue
        raise AssertionError(wrong)


def test_the_table_names_every_deadline_of_the_loop() -> None:
    """The pipeline has no deadline of its own."""
    tree = ast.parse((ROOT / "consumer/pipeline.py").read_text())
    constants = [
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    assert constants == ["FIRST_BACKOFF"]
