"""The AsyncAPI document is valid and agrees with the messages.

`asyncapi-3.0.0.json` is AsyncAPI's own JSON Schema (npm package `@asyncapi/specs` 6.11.1,
Apache-2.0) without its descriptions and examples and without the bindings of protocols other than
Kafka.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from jsonschema import Draft7Validator, ValidationError

from bearing_stream.kafka import AlarmTopicSettings, TopicSettings
from bearing_stream.wire import (
    DeadLetter,
    Message,
    PublishedDiagnosis,
    RejectionReason,
    Window,
    encode_diagnosis,
    encode_window,
    passed_on,
)
from bearing_stream.wire.alarm import (
    PublishedCommand,
    encode_alarm,
    encode_command,
    encode_event,
)
from bearing_stream.wire.alarm_terms import Action
from tests.bearing_stream.alarms.diagnoses import OUTER
from tests.bearing_stream.alarms.world import World
from tests.docs.examples import diagnosis_example
from tools.docs.asyncapi import as_yaml

SCHEMA = json.loads(Path(__file__).with_name("asyncapi-3.0.0.json").read_text())
NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def document() -> Any:
    return yaml.safe_load(as_yaml())


def headers_of(message: Message) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in message.headers}


def check(document: Any, schema: str, instance: object) -> None:
    """Raise ValidationError unless an instance is valid by a schema of the document."""
    root = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    Draft7Validator(root).validate(instance)


def window() -> Message:
    samples = np.arange(2048.0)
    window = Window("/plant", "1", "pump-7", NOW, samples, 12_000, 1500.0, "Normal")
    return encode_window(replace(window, unit="g", channel="x"))


def test_it_is_valid(document: Any) -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(document)] == []


def test_the_schema_finds_mistakes(document: Any) -> None:
    wrong = json.loads(json.dumps(document))
    wrong["operations"]["sendDiagnosis"]["action"] = "emit"
    wrong["components"]["messages"]["diagnosis"]["bindings"]["kafka"]["kye"] = {}
    assert len(list(Draft7Validator(SCHEMA).iter_errors(wrong))) == 2


def test_every_topic_is_a_channel(document: Any) -> None:
    fields = TopicSettings.model_fields | AlarmTopicSettings.model_fields
    # The state is for the stage of alarms alone.
    topics = {
        field.default
        for name, field in fields.items()
        if "topic" in name and name != "alarm_state_topic"
    }
    assert {channel["address"] for channel in document["channels"].values()} == topics


def test_the_headers_of_a_window_are_described(document: Any) -> None:
    found = headers_of(window())
    check(document, "measurementHeaders", found)
    described = document["components"]["schemas"]["measurementHeaders"]["properties"]
    assert found.keys() - described.keys() == set()
    assert described.keys() - found.keys() == {"traceparent"}


def test_a_window_as_json_is_described(document: Any) -> None:
    message = encode_window(
        Window("/plant", "1", "pump-7", NOW, np.arange(2048.0)), content_type="application/json"
    )
    check(document, "measurementHeaders", headers_of(message))
    check(document, "MeasurementRecord", json.loads(message.value or b""))
    with pytest.raises(ValidationError):
        check(document, "MeasurementRecord", {"record": [0.0]})


def test_a_measurement_at_another_rate_is_described(document: Any) -> None:
    sent = Window("/plant", "1", "pump-7", NOW, np.arange(48_000), 48_000)
    forms: tuple[Any, ...] = ("application/octet-stream", "application/json")
    for form in forms:
        message = encode_window(sent, "int24-le", form)
        check(document, "measurementHeaders", headers_of(message))
    check(document, "MeasurementRecord", json.loads(message.value or b""))


def test_a_diagnosis_is_described(document: Any) -> None:
    diagnosis = PublishedDiagnosis.model_validate(diagnosis_example() | {"channel": "x"})
    sent = encode_diagnosis(diagnosis, "id", NOW.isoformat(), passed_on(window().headers))
    check(document, "Diagnosis", json.loads(sent.value or b""))
    check(document, "diagnosisHeaders", headers_of(sent))
    described = document["components"]["schemas"]["diagnosisHeaders"]["properties"]
    assert described.keys() - headers_of(sent).keys() == {"traceparent"}


def test_messages_about_alarms_are_described(document: Any) -> None:
    world = World()
    world.feed(10, probabilities=OUTER)
    world.command(Action.ACKNOWLEDGE)
    alarm, event = world.outputs[-1]
    assert event is not None
    command = PublishedCommand(
        command_id="c", alarm_id=alarm.alarm_id, action=Action.SHELVE, by="ann", at=NOW
    )
    for name, message in (
        ("alarm", encode_alarm(alarm)),
        ("alarmEvent", encode_event(event)),
        ("alarmCommand", encode_command(command)),
    ):
        check(document, f"{name}Headers", headers_of(message))
        check(document, name[0].upper() + name[1:], json.loads(message.value or b""))


@pytest.mark.parametrize("reason", RejectionReason)
def test_the_headers_of_a_dead_letter_are_described(document: Any, reason: RejectionReason) -> None:
    letter = DeadLetter("bearing.windows", 0, 4711, reason, "detail", window())
    described = document["components"]["schemas"]["deadLetterHeaders"]["properties"]
    for message in (letter.message("group"), letter.stub("group")):
        check(document, "deadLetterHeaders", headers_of(message))
        added = headers_of(message).keys() - headers_of(window()).keys()
        assert added - described.keys() == set()
