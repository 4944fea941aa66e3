"""Every combination of conditions has one display state, by the documented order."""

from itertools import product
from typing import Any

import pytest

from bearing_stream.alarms.alarm_state import AlarmState
from bearing_stream.alarms.states import ORDER, display_state
from bearing_stream.wire.alarm_terms import ANNUNCIATED, AlarmKind, DisplayState
from tools.docs.docstrings import attribute_docstrings

SETTINGS: dict[DisplayState, dict[str, Any]] = {
    DisplayState.DISABLED: {"disabled": "ann"},
    DisplayState.FILTERED: {"suppressed": "ann"},
    DisplayState.MASKED: {"active": True, "masked": True},
    DisplayState.ON_DELAY: {"on_since": 1},
    DisplayState.SHELVED: {"shelved": (1, "ann", "", False)},
    DisplayState.OFF_DELAY: {"off_since": 1},
    DisplayState.LATCHED: {"latched": True},
    DisplayState.ACTIVE: {"active": True},
    DisplayState.NORMAL: {},
}


def alarm(*states: DisplayState) -> AlarmState:
    found = AlarmState(AlarmKind.BEARING_FAULT, 1)
    for state in states:
        for name, value in SETTINGS[state].items():
            setattr(found, name, value)
    return found


def test_the_order_is_that_of_the_list() -> None:
    assert [state for state, _, _ in ORDER] == list(DisplayState)


@pytest.mark.parametrize("state", DisplayState)
def test_a_condition_alone_gives_its_state(state: DisplayState) -> None:
    assert display_state(alarm(state)) is state


def test_of_any_combination_the_first_in_the_order_is_displayed() -> None:
    for chosen in product((False, True), repeat=len(DisplayState)):
        states = [state for state, holds in zip(DisplayState, chosen, strict=True) if holds]
        expected = states[0] if states else DisplayState.NORMAL
        assert display_state(alarm(*states)) is expected


def test_what_an_operator_put_aside_is_not_displayed_in_any_combination() -> None:
    hidden = (DisplayState.DISABLED, DisplayState.FILTERED, DisplayState.SHELVED)
    for state, other in product(hidden, DisplayState):
        assert display_state(alarm(state, other)) not in ANNUNCIATED


def test_what_is_to_be_acknowledged_stays_displayed_while_its_condition_comes_back() -> None:
    returning = alarm(DisplayState.LATCHED, DisplayState.ON_DELAY)
    assert display_state(returning) in ANNUNCIATED


def test_every_state_has_its_sentence() -> None:
    texts = attribute_docstrings(DisplayState)
    assert [state for state in DisplayState if not texts[state.name].endswith(".")] == []
