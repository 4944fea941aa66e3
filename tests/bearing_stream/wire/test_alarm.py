"""Alarms on the wire: strict when written, tolerant when read."""

import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from bearing_stream.wire import Headers, Message
from bearing_stream.wire.alarm import (
    Alarm,
    AlarmCommand,
    AlarmEvent,
    PublishedAlarm,
    PublishedCommand,
    PublishedEvent,
    decode,
    encode_alarm,
    encode_command,
    encode_event,
)
from bearing_stream.wire.alarm_terms import Action, Severity
from tests.bearing_stream.alarms.diagnoses import OUTER
from tests.bearing_stream.alarms.world import World
from tests.paths import ASSETS
from tools.docs.schema import schemas

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
COMMAND = PublishedCommand(
    command_id="c-1",
    alarm_id="pump-7:bearing-fault",
    action=Action.ACKNOWLEDGE,
    by="ann",
    at=NOW,
    severity=Severity.MEDIUM,
)


def raised() -> tuple[PublishedAlarm, PublishedEvent]:
    world = World()
    world.feed(10, probabilities=OUTER)
    event = next(output.event for output in world.outputs if output.event)
    return world.outputs[-1].alarm, event


@pytest.mark.parametrize(
    ("file", "schema"), schemas().items(), ids=lambda each: Path(each).stem[:20]
)
def test_the_schemas_are_up_to_date(file: Path, schema: str) -> None:
    assert file.read_text() == schema, "run `python -m tools.docs`"


def test_records_and_events_follow_their_schemas() -> None:
    alarm, event = raised()
    for written, name in ((alarm, "alarm"), (event, "alarm-event"), (COMMAND, "alarm-command")):
        schema = json.loads((ASSETS / f"{name}.schema.json").read_text())
        jsonschema.validate(written.model_dump(mode="json"), schema)


def headers(message: Message) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in message.headers}


def test_a_record_an_event_and_a_command_are_read_as_they_were_written() -> None:
    alarm, event = raised()
    for model, message, written in (
        (Alarm, encode_alarm(alarm), alarm),
        (AlarmEvent, encode_event(event), event),
        (AlarmCommand, encode_command(COMMAND), COMMAND),
    ):
        read = decode(model, message.headers, message.value)  # type: ignore[type-var]
        assert read.model_dump(mode="json") == written.model_dump(mode="json")


def test_the_headers_are_those_of_cloudevents() -> None:
    alarm, event = raised()
    found = headers(encode_event(event))
    assert found == {
        "ce_specversion": "1.0",
        "ce_type": "bearing.alarm-event.v1",
        "content-type": "application/json",
        "ce_source": "/bearing-stream/alarms",
        "ce_id": event.transition_id,
        "ce_time": found["ce_time"],
        "ce_subject": "pump-7:bearing-fault",
    }
    assert found["ce_time"].startswith("2026-01-31T")
    assert encode_alarm(alarm).key == b"pump-7:bearing-fault"
    assert headers(encode_command(COMMAND))["ce_id"] == "c-1"


def test_what_a_later_version_adds_is_read() -> None:
    message = encode_event(raised()[1])
    value = json.loads(message.value or b"") | {"event": "rusted", "kind": "rust", "more": {}}
    read = decode(AlarmEvent, message.headers, json.dumps(value).encode())
    assert (read.event, read.kind) == ("rusted", "rust")


@pytest.mark.parametrize(
    "changed", [{"more": 1}, {"kind": "rust"}, {"state": "odd"}, {"count": -1}]
)
def test_only_what_this_version_has_is_written(changed: dict[str, object]) -> None:
    alarm, _ = raised()
    with pytest.raises(ValidationError):
        PublishedAlarm(**{**dict(alarm), **changed})


@pytest.mark.parametrize(("model", "kind"), [(Alarm, "alarm"), (AlarmCommand, "alarm-command")])
def test_another_message_is_refused(model: type[Alarm], kind: str) -> None:
    with pytest.raises(
        ValueError, match=rf"expected a header ce_type with the value bearing\.{kind}"
    ):
        decode(model, [("ce_type", b"bearing.diagnosis.v1")], b"{}")
    headers: Headers = [("ce_type", f"bearing.{kind}.v1".encode())]
    for value, wrong in ((None, "Invalid JSON"), (b"{}", "Field required, and")):
        with pytest.raises(ValueError, match=wrong) as refused:
            decode(model, headers, value)
        assert "\n" not in str(refused.value)
