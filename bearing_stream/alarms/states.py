"""The conditions of an alarm, which are orthogonal, and the one state that is displayed.

`docs/` draws the order; `tests/bearing_stream/alarms/test_states.py` walks all combinations.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from bearing_stream.wire.alarm_terms import DisplayState


class Conditions(Protocol):
    """What the display state is derived from. Each may hold with any of the others."""

    active: bool
    """Raised and not cleared."""
    acked: bool
    """Acknowledged, or nothing to acknowledge."""
    latched: bool
    """Displayed until it is acknowledged."""
    shelved: Any
    """The shelving; None if there is none."""
    suppressed: Any
    """The suppression; None if there is none."""
    disabled: Any
    """Why it is out of service; None if it is in service."""
    masked: bool
    """Hidden by another alarm of the sensor, or because the machine is off."""
    on_since: int
    """Event time at which the on-delay began, in µs; 0 if none is running."""
    off_since: int
    """Event time at which the off-delay began, in µs; 0 if none is running."""


ORDER: Final[tuple[tuple[DisplayState, str, Callable[[Conditions], bool]], ...]] = (
    (DisplayState.DISABLED, "out of service", lambda alarm: alarm.disabled is not None),
    (DisplayState.FILTERED, "suppressed", lambda alarm: alarm.suppressed is not None),
    (DisplayState.MASKED, "active and masked", lambda alarm: alarm.active and alarm.masked),
    (DisplayState.SHELVED, "shelved", lambda alarm: alarm.shelved is not None),
    (DisplayState.OFF_DELAY, "off-delay running", lambda alarm: alarm.off_since > 0),
    (DisplayState.LATCHED, "latched", lambda alarm: alarm.latched),
    # After `LATCHED`: what is to be acknowledged stays displayed while its condition comes back.
    (DisplayState.ON_DELAY, "on-delay running", lambda alarm: alarm.on_since > 0),
    (DisplayState.ACTIVE, "active", lambda alarm: alarm.active),
    (DisplayState.NORMAL, "none of these", lambda alarm: True),  # noqa: ARG005
)
"""Display state, the conditions in words, and whether they hold; the first that holds applies."""


def display_state(alarm: Conditions) -> DisplayState:
    """Return the state that is displayed: the first of `ORDER` whose conditions hold."""
    return next(state for state, _, holds in ORDER if holds(alarm))
