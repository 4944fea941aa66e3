"""Topics that are deleted and created anew, with offsets from 0 on, while alarms stay."""

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.wire.alarm_terms import Action
from tests.bearing_stream.alarms.diagnoses import HEALTHY, OUTER
from tests.bearing_stream.commands.alarms.stage_in_memory import InMemoryStage

ALARM: Final = "pump-7:bearing-fault"

STEPS: Final = st.sampled_from(
    ("healthy", "faulty", "other", "commit", "checkpoint", "restart", "recreate", "acknowledge")
)


def happened(stage: InMemoryStage) -> list[tuple[Any, ...]]:
    return [(one["alarm_id"], one["event"], one["last_measured_at"]) for one in stage.events]


def take(stage: InMemoryStage, step: str, *, is_disturbed: bool) -> None:
    """Take a step; what disturbs a stage takes the same time where it is not done."""
    if step in ("healthy", "faulty"):
        stage.feed(20, probabilities=OUTER if step == "faulty" else HEALTHY)
    elif step == "other":
        # Not always the same sensors are in a record since the topic was created anew.
        stage.feed(2, "pump-8", probabilities=OUTER)
    elif step == "commit":
        stage.commit()
    elif step == "acknowledge":
        # One that is not committed is carried out again, maybe after other diagnoses.
        stage.command(Action.ACKNOWLEDGE, ALARM)
        stage.commit()
    elif step == "checkpoint":
        stage.checkpoint()
    elif step == "restart" and is_disturbed:
        stage.restart()
        stage.catch_up()
        stage.dispatcher.take_commands()
    elif step == "recreate":
        # What no record reflects is lost with the topic.
        stage.checkpoint()
        if is_disturbed:
            stage.recreate_diagnoses()
            stage.recreate_commands()


@given(st.lists(STEPS, max_size=20))
def test_the_alarms_are_those_of_topics_that_stay(steps: list[str]) -> None:
    disturbed, undisturbed = InMemoryStage(), InMemoryStage()
    for step in [*steps, "checkpoint"]:
        take(disturbed, step, is_disturbed=True)
        take(undisturbed, step, is_disturbed=False)
    assert happened(disturbed) == happened(undisturbed)


def test_an_alarm_clears_by_diagnoses_of_the_new_topic() -> None:
    stage = InMemoryStage()
    stage.feed(20, probabilities=OUTER)
    stage.checkpoint()
    stage.recreate_diagnoses()
    stage.feed(90)
    stage.commit()
    assert [event for _, event, _ in happened(stage)] == ["raised", "cleared"]


def test_a_command_of_the_new_topic_is_carried_out() -> None:
    stage = InMemoryStage()
    stage.feed(20, probabilities=OUTER)
    stage.command(Action.SUPPRESS, ALARM)
    stage.command(Action.UNSUPPRESS, ALARM)
    stage.commit()
    stage.recreate_commands()
    stage.command(Action.ACKNOWLEDGE, ALARM)
    stage.commit()
    assert [event for _, event, _ in happened(stage)][-1] == "acknowledged"


def test_a_sensor_is_seen_for_the_first_time_once() -> None:
    stage = InMemoryStage("sensor-silent.first_seen = true")
    stage.feed(5)
    stage.checkpoint()
    stage.recreate_diagnoses()
    stage.feed(5)
    stage.checkpoint()
    assert [event for _, event, _ in happened(stage)] == ["first-seen"]
