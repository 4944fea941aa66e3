"""The exactly-once side as a state machine: its states, and the transitions that are legal.

`docs/` draws the table; `tests/consumer/delivery/test_states.py` walks it.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a delivery stands."""

    UNREGISTERED = "unregistered"
    """The producers have not registered their transactional ids."""
    UNSETTLED = "unsettled"
    """Registered, and a partition may hold records whose transaction Kafka left undecided."""
    IDLE = "idle"
    """Registered, and nothing is published since the last commit."""
    OPEN = "open"
    """A transaction is open and holds results."""
    COMMITTING = "committing"
    """The commit was requested: from here on it may be there, whatever the client reports."""
    FAILED = "failed"
    """What was published since the last commit will not be committed; recovery must begin."""
    CLOSED = "closed"
    """The producers are given up permanently."""

    @property
    def needs_recovery(self) -> bool:
        """Whether nothing may be published before `recover` has succeeded."""
        return self in (State.UNREGISTERED, State.UNSETTLED, State.FAILED)


class Event(StrEnum):
    """What moves a delivery from one state to another."""

    REGISTERED = "registered"
    """`init_transactions` succeeded: Kafka has ended what an earlier producer left open."""
    REGISTERED_UNREPLICATED = "registered, unreplicated"
    """The same where a partition has a single replica: records may be left undecided."""
    SETTLED = "settled"
    """Aborted transactions in every output partition decided what was undecided."""
    PUBLISHED = "published"
    """A result was handed to the producer."""
    COMMIT_REQUESTED = "commit requested"
    """The results are acknowledged, the offsets are in the transaction, the commit is sent."""
    COMMITTED = "committed"
    """Kafka reports that the transaction is committed."""
    FAILED = "failed"
    """A call failed or timed out, or the partitions were lost."""
    REPLACED = "replaced"
    """New producers with the same transactional ids take the place of the old ones."""
    CLOSED = "closed"
    """The service ends."""


TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.UNREGISTERED, Event.REGISTERED): State.IDLE,
    (State.UNREGISTERED, Event.REGISTERED_UNREPLICATED): State.UNSETTLED,
    (State.UNSETTLED, Event.SETTLED): State.IDLE,
    (State.IDLE, Event.PUBLISHED): State.OPEN,
    (State.OPEN, Event.PUBLISHED): State.OPEN,
    (State.OPEN, Event.COMMIT_REQUESTED): State.COMMITTING,
    (State.COMMITTING, Event.COMMITTED): State.IDLE,
    (State.IDLE, Event.FAILED): State.FAILED,
    (State.OPEN, Event.FAILED): State.FAILED,
    (State.COMMITTING, Event.FAILED): State.FAILED,
    (State.UNSETTLED, Event.FAILED): State.FAILED,
    (State.UNREGISTERED, Event.FAILED): State.FAILED,
    (State.FAILED, Event.FAILED): State.FAILED,
    (State.FAILED, Event.REPLACED): State.UNREGISTERED,
    **{(state, Event.CLOSED): State.CLOSED for state in State},
}
"""Every legal transition. Any other is a fault of ours, and raises."""


def after(state: State, event: Event) -> State:
    """Return the state that follows.

    Raises:
        RuntimeError: The event is not legal in that state.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise RuntimeError(f"no transition from {state} on '{event}'") from None
