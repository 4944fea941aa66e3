"""The deadlines add up: nobody gives a consumer up that works, and a consumer that stops, stops."""

import ast

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bearing_stream.kafka import ClusterErrors
from consumer.delivery import base, exactly_once
from consumer.kafka import clients, resolver
from consumer.liveness import budget, deadline, shutdown
from consumer.liveness.budget import Budget
from consumer.settings import ConsumerSettings
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
    assert found.round >= steps + resolver.COMMITTED_TIMEOUT + base.FULL_QUEUE_LIMIT
    assert found.recovery >= budget.MAX_BACKOFF + budget.RECOVERY + deadline.GRACE
    assert found.resolve >= 2 * resolver.COMMITTED_TIMEOUT


def test_a_deadline_has_one_value_wherever_it_is_used() -> None:
    assert resolver.COMMITTED_TIMEOUT == budget.COMMITTED
    assert base.FULL_QUEUE_LIMIT == budget.QUEUE
    assert deadline.GRACE == budget.HANG
    assert exactly_once.CLOSE_TIMEOUT == budget.CLOSE
    assert shutdown.SHUTDOWN_LIMIT == budget.SHUTDOWN


def test_the_process_ends_within_ten_seconds_of_a_signal() -> None:
    assert budget.SHUTDOWN < 10


@given(any_settings())
def test_the_clients_get_the_deadlines_of_the_table(settings: ConsumerSettings) -> None:
    found = Budget.of(settings)
    made: list[dict[str, object]] = []
    patched = clients._new_client
    try:
        clients._new_client = lambda _kind, properties: made.append(properties)  # type: ignore[assignment, return-value]
        clients.new_consumer(settings, ClusterErrors())
    finally:
        clients._new_client = patched
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
