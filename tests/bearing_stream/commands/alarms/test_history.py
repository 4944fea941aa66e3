"""The latest events of several partitions, in order of time."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.commands.alarms.reading import latest
from bearing_stream.wire.alarm import AlarmEvent, CommandResult
from tests.bearing_stream.commands.alarms.notify.examples import event

NOON = event().last_measured_at


def at(alarm_id: str, seconds: int, commanded: int | None = None) -> AlarmEvent:
    """An event of a measurement so many seconds after noon, and of a command."""
    assert NOON is not None
    command = None
    if commanded is not None:
        given_at = NOON + timedelta(seconds=commanded)
        command = CommandResult(
            command_id="1", action="acknowledge", by="ann", reason="", at=given_at
        )
    measured = NOON + timedelta(seconds=seconds)
    return event(alarm_id=alarm_id, last_measured_at=measured).model_copy(
        update={"command": command}
    )


def test_partitions_are_merged_and_the_latest_are_shown() -> None:
    first, second = [at("a", 1), at("a", 9)], [at("b", 2), at("b", 3)]
    assert latest([*first, *second], 10) == [first[0], *second, first[1]]
    assert latest([*first, *second], 2) == [second[1], first[1]]


def test_a_command_has_its_own_time() -> None:
    acknowledged, raised = at("a", 1, commanded=5), at("b", 3)
    assert latest([acknowledged, raised], 10) == [raised, acknowledged]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=20))
def test_the_events_of_an_alarm_keep_their_order(made: list[tuple[str, int]]) -> None:
    events = [at(alarm_id, seconds) for alarm_id, seconds in made]
    found = latest(events, 100)
    for alarm_id in "abc":
        own = [one for one in events if one.alarm_id == alarm_id]
        assert [one for one in found if one.alarm_id == alarm_id] == own
