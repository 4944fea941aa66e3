"""No record of any topic ends the stage, or hides what others are about."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bearing_stream.commands.alarms.stage.state_topic import COMMANDS, GROUP, Record
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire.alarm_terms import Action
from tests.bearing_stream.alarms.diagnoses import JSON, OUTER
from tests.bearing_stream.commands.alarms.stage_in_memory import SETTINGS, InMemoryStage

ALARM = "pump-7:bearing-fault"

ODD: dict[str, Any] = {
    "channel": {"a": 1},
    "unit": [1],
    "measured_at": "9999-12-31T23:59:59Z",
    "indicators": {"rms": 10**400, "peak": 1e308, "crest_factor": 1e308, "kurtosis": 1e308},
    "windows": 10**30,
    "sensor": "s" * 2000,
    "model": {"name": "m", "version": "v" * 2000},
    "probabilities": {"Ball": 1, "InnerRace": 1, "Normal": {}, "OuterRace": 1},
    "reasons": [[]],
    "evidence": "physics",
}
"""Field → a value that a diagnosis of ours never has."""


def raised(stage: InMemoryStage) -> list[str]:
    stage.commit()
    return [one["alarm_id"] for one in stage.events if one["event"] == "raised"]


@pytest.mark.parametrize("field", ODD)
def test_odd_diagnoses_hide_no_fault(field: str) -> None:
    stage = InMemoryStage()
    for _ in range(20):
        stage.feed(1, "odd", **({"probabilities": OUTER} | {field: ODD[field]}))
        stage.feed(1, probabilities=OUTER)
    assert ALARM in raised(stage)


@given(st.sampled_from([*ODD, "source", "window_id"]), JSON)
def test_any_value_of_any_field_hides_no_fault(field: str, value: Any) -> None:
    try:
        json.dumps(value)
    except ValueError:
        return
    stage = InMemoryStage()
    stage.feed(2, "odd", probabilities=OUTER)
    stage.feed(4, "odd", **{field: value})
    stage.feed(4, probabilities=OUTER)
    assert ALARM in raised(stage)


@pytest.mark.parametrize("hours", [24.0, 69_880_000.0, -10.0])
def test_a_command_at_any_time_is_carried_out_or_refused(hours: float) -> None:
    stage = InMemoryStage()
    stage.feed(5, probabilities=OUTER)
    stage.command(Action.SHELVE, ALARM, hours)
    stage.feed(5, probabilities=OUTER)
    assert raised(stage) == [ALARM]


def test_a_reason_that_no_message_holds_is_not_carried_out() -> None:
    stage = InMemoryStage()
    stage.feed(5, probabilities=OUTER)
    stage.command(Action.ACKNOWLEDGE, ALARM, reason="x" * 900_000)
    stage.commit()
    assert stage.sources.metrics.ignored["unreadable-command"] == 1
    assert [one["event"] for one in stage.events] == ["raised"]


@pytest.mark.parametrize("key", [COMMANDS, GROUP, b"sensor/pump-7", b"sensor/\xff", b"\xff"])
@pytest.mark.parametrize("value", [b"zz", b"[]", b"{}", b'"x"', b"", b'{"next":"x"}'])
def test_a_record_of_state_that_is_not_ours_begins_anew(key: bytes, value: bytes) -> None:
    stage = InMemoryStage()
    stage.feed(5)
    stage.checkpoint()
    stage.state.append(Record(key, value))
    stage.restart()
    stage.feed(10, probabilities=OUTER)
    stage.command(Action.ACKNOWLEDGE, ALARM)
    assert raised(stage) == [ALARM]


def test_state_of_a_later_version_is_left_alone() -> None:
    stage = InMemoryStage()
    stage.state.append(Record(b"sensor/pump-7", b'{"version":2,"sensor":"pump-7"}'))
    with pytest.raises(FatalKafkaError, match="a later bearing-stream has written it"):
        stage.restart()


def test_the_state_of_another_group_is_taken_over_only_on_request() -> None:
    stage = InMemoryStage()
    stage.feed(10, probabilities=OUTER)
    stage.commit()
    stage.settings = SETTINGS.model_copy(update={"group": "another"})
    with pytest.raises(FatalKafkaError, match=f"--take-over {SETTINGS.group}"):
        stage.restart()
    stage.settings = stage.settings.model_copy(update={"take_over": SETTINGS.group})
    stage.restart()
    stage.catch_up()
    stage.feed(10, probabilities=OUTER)
    assert raised(stage) == [ALARM]
    # It is that group's now.
    stage.settings = SETTINGS
    with pytest.raises(FatalKafkaError, match="--take-over another"):
        stage.restart()


def test_more_sensors_than_may_be_are_stated_once() -> None:
    stage = InMemoryStage()
    stage.settings = SETTINGS.model_copy(update={"sensor_limit": 1})
    stage.restart()
    with capture_logs() as logs:
        for _ in range(2):
            stage.feed(5, "pump-7", "pump-8", probabilities=OUTER)
            stage.checkpoint()
    assert [one["event"] for one in logs if one["event"] == "sensor_limit"] == ["sensor_limit"]
    assert raised(stage) == [ALARM]
