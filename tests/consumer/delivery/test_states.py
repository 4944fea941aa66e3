"""The state machine: what is legal, and that every failure leads back to work."""

import pytest

from consumer.delivery.states import TRANSITIONS, Event, State, after


def test_every_state_is_reached_and_left() -> None:
    reached = set(TRANSITIONS.values()) | {State.UNREGISTERED}
    assert reached == set(State)
    left = {state for (state, event), following in TRANSITIONS.items() if following is not state}
    assert left == set(State) - {State.CLOSED}


@pytest.mark.parametrize("state", [one for one in State if one is not State.CLOSED])
def test_from_every_state_a_failure_can_be_recovered(state: State) -> None:
    failed = after(state, Event.FAILED)
    assert failed is State.FAILED
    for registered in (
        [Event.REGISTERED],
        [Event.REGISTERED_UNREPLICATED, Event.SETTLED],
    ):
        at = after(failed, Event.REPLACED)
        for event in registered:
            at = after(at, event)
        assert at is State.IDLE


def test_nothing_is_published_before_recovery_and_nothing_committed_unpublished() -> None:
    for state in State:
        if state.needs_recovery or state in (State.COMMITTING, State.CLOSED):
            with pytest.raises(RuntimeError, match=str(state)):
                after(state, Event.PUBLISHED)
        if state is not State.OPEN:
            with pytest.raises(RuntimeError, match="commit requested"):
                after(state, Event.COMMIT_REQUESTED)


def test_the_way_of_a_transaction() -> None:
    at = State.IDLE
    for event in (Event.PUBLISHED, Event.PUBLISHED, Event.COMMIT_REQUESTED, Event.COMMITTED):
        at = after(at, event)
    assert at is State.IDLE
