"""What operators can do with alarms, and what is refused."""

import pytest

from bearing_stream.alarms.commands import check
from bearing_stream.alarms.times import from_microseconds
from bearing_stream.wire.alarm import AlarmCommand
from bearing_stream.wire.alarm_terms import Action, DisplayState, Severity
from tests.bearing_stream.alarms.diagnoses import INNER, OUTER, START
from tests.bearing_stream.alarms.world import World

STRONG = {"Ball": 1e-3, "InnerRace": 1e-3, "Normal": 1e-4, "OuterRace": 0.9979}


@pytest.fixture
def raised() -> World:
    world = World()
    world.feed(10, probabilities=OUTER)
    return world


def detail(world: World) -> str:
    event = world.outputs[-1].event
    assert event is not None
    assert event.command is not None
    return event.command.detail or ""


def test_an_acknowledged_alarm_is_displayed_while_it_is_active(raised: World) -> None:
    assert raised.command(Action.ACKNOWLEDGE) == ["bearing-fault acknowledged"]
    assert (raised.alarm().state, raised.alarm().acked) == (DisplayState.ACTIVE, True)
    event = raised.outputs[-1].event
    assert event is not None
    assert event.command is not None
    assert (event.command.by, event.command.command_id) == ("ann", "command-0")
    raised.feed(90)
    assert raised.alarm().state is DisplayState.NORMAL


def test_an_alarm_that_cleared_is_displayed_until_it_is_acknowledged(raised: World) -> None:
    raised.feed(90)
    assert raised.alarm().state is DisplayState.LATCHED
    raised.command(Action.ACKNOWLEDGE)
    assert raised.alarm().state is DisplayState.NORMAL


def test_a_second_acknowledgement_is_refused(raised: World) -> None:
    raised.command(Action.ACKNOWLEDGE)
    assert raised.command(Action.ACKNOWLEDGE) == ["bearing-fault refused"]
    assert detail(raised) == "there is nothing to acknowledge"


def test_an_acknowledgement_cannot_hide_an_alarm_that_became_worse(raised: World) -> None:
    seen = Severity(raised.alarm().severity)
    raised.feed(10, probabilities=STRONG)
    assert raised.alarm().severity is Severity.HIGH
    assert raised.command(Action.ACKNOWLEDGE, severity=seen) == ["bearing-fault refused"]
    assert "it is high now" in detail(raised)
    assert not raised.alarm().acked
    found = raised.command(Action.ACKNOWLEDGE, severity=Severity.HIGH)
    assert found == ["bearing-fault acknowledged"]


def test_an_acknowledgement_cannot_hide_an_alarm_that_was_raised_again(raised: World) -> None:
    seen = raised.alarm().count
    raised.feed(120)
    assert raised.events()[-1] == "bearing-fault cleared"
    raised.feed(10, probabilities=INNER)
    assert raised.alarm().active
    assert raised.command(Action.ACKNOWLEDGE, count=seen) == ["bearing-fault refused"]
    assert raised.command(Action.ACKNOWLEDGE, count=seen + 1) == ["bearing-fault acknowledged"]


def test_a_command_that_is_reflected_has_no_effect_at_a_replay(raised: World) -> None:
    raised.command(Action.ACKNOWLEDGE)
    raised.commands -= 1
    assert raised.command(Action.UNSHELVE) == []


def test_a_shelving_ends_at_its_time(raised: World) -> None:
    assert raised.command(Action.SHELVE, hours=0.1) == ["bearing-fault shelved"]
    assert raised.alarm().state is DisplayState.SHELVED
    assert raised.feed(350, probabilities=OUTER) == []
    assert raised.feed(20, probabilities=OUTER) == ["bearing-fault unshelved"]
    assert raised.alarm().state is DisplayState.LATCHED


def test_a_shelving_once_ends_when_the_alarm_clears(raised: World) -> None:
    raised.command(Action.SHELVE, once=True)
    assert raised.feed(90) == ["bearing-fault cleared", "bearing-fault unshelved"]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(25, "at most"), (-1, "would end before it begins"), (None, "expected an end")],
)
def test_a_shelving_that_is_too_long_or_has_no_end_is_refused(
    raised: World, hours: float | None, expected: str
) -> None:
    assert raised.command(Action.SHELVE, hours=hours) == ["bearing-fault refused"]
    assert expected in detail(raised)
    assert raised.alarm().shelved is None


@pytest.mark.parametrize(
    ("action", "undo", "state"),
    [
        (Action.SUPPRESS, Action.UNSUPPRESS, DisplayState.FILTERED),
        (Action.DISABLE, Action.ENABLE, DisplayState.DISABLED),
    ],
)
def test_a_suppression_lasts_until_it_is_removed(
    raised: World, action: Action, undo: Action, state: DisplayState
) -> None:
    assert raised.command(undo) == ["bearing-fault refused"]
    raised.command(action)
    assert raised.command(action) == ["bearing-fault refused"]
    raised.feed(90)
    raised.feed(90, probabilities=OUTER)
    assert (raised.alarm().state, raised.alarm().active) == (state, True)
    raised.command(undo)
    assert raised.alarm().state is DisplayState.LATCHED


def test_an_alarm_can_be_suppressed_before_it_is_raised() -> None:
    world = World()
    world.feed(1)
    assert world.command(Action.SUPPRESS) == ["bearing-fault suppressed"]
    world.feed(30, probabilities=OUTER)
    assert world.alarm().state is DisplayState.FILTERED


@pytest.mark.parametrize("alarm_id", ["pump-8:bearing-fault", "pump-7:rust", "pump-7", ""])
def test_a_command_for_an_alarm_that_does_not_exist_changes_nothing(
    raised: World, alarm_id: str
) -> None:
    assert raised.command(Action.ACKNOWLEDGE, alarm_id or ":") == []
    assert raised.engine.counts["unknown-alarm"] == 1


def test_an_action_of_a_later_version_is_refused(raised: World) -> None:
    assert raised.command("explode") == ["bearing-fault refused"]  # type: ignore[arg-type]
    assert "expected one of the actions acknowledge" in detail(raised)


@pytest.mark.parametrize(
    ("away", "back"),
    [
        (Action.SHELVE, Action.UNSHELVE),
        (Action.SUPPRESS, Action.UNSUPPRESS),
        (Action.DISABLE, Action.ENABLE),
    ],
)
def test_an_alarm_that_is_put_aside_hides_no_other(
    raised: World, away: Action, back: Action
) -> None:
    silent = "pump-7:sensor-silent"
    assert raised.silent() == ["sensor-silent raised", "bearing-fault masked"]
    [put, unmasked] = raised.command(away, silent, hours=1)
    assert (put.split()[0], unmasked) == ("sensor-silent", "bearing-fault unmasked")
    assert raised.alarm().state is DisplayState.LATCHED
    reported = [output.event.command for output in raised.outputs[-2:] if output.event]
    assert [command is not None for command in reported] == [True, False]
    assert raised.command(back, silent)[1:] == ["bearing-fault masked"]


def test_a_command_that_is_sent_again_is_carried_out_once(raised: World) -> None:
    assert raised.command(Action.ACKNOWLEDGE) == ["bearing-fault acknowledged"]
    raised.commands -= 1
    raised.engine.restore("pump-7", raised.engine.take("pump-7"))
    again = raised.command(Action.ACKNOWLEDGE, offset=7)
    assert again == []
    assert raised.command(Action.ACKNOWLEDGE, offset=8) == ["bearing-fault refused"]


@pytest.mark.parametrize(
    ("seconds", "is_refused"), [(-1e6, False), (0, False), (200, False), (400, True), (2e9, True)]
)
def test_a_command_cannot_be_given_later_than_its_record_was_written(
    seconds: float, is_refused: bool
) -> None:
    """Else a shelving could last beyond its longest."""
    written = START // 1000
    command = AlarmCommand(
        command_id="1",
        alarm_id="pump-7:bearing-fault",
        action=Action.SHELVE,
        by="ann",
        at=from_microseconds(START + round(seconds * 1e6)),
    )
    check(command, 0)
    if is_refused:
        with pytest.raises(ValueError, match="s ahead"):
            check(command, written)
    else:
        check(command, written)
