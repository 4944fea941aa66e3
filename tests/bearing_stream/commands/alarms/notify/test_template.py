"""Templates: a closed set of fields, and no field that an event lacks fails."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from bearing_stream.commands.alarms.notify.receivers import BODY, SUBJECT
from bearing_stream.commands.alarms.notify.template import FIELDS, TemplateText, render
from bearing_stream.wire.alarm import AlarmEvent
from tests.bearing_stream.alarms.diagnoses import OUTER
from tests.bearing_stream.alarms.world import World
from tests.bearing_stream.commands.alarms.notify.examples import event

CHECKED = TypeAdapter[str](TemplateText)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$sevrity", r"there is no field \$sevrity; did you mean 'severity'"),
        ("${xyz}", r"there is no field \$xyz; known are event, severity"),
        ("costs $5", r"and \$\$ for a dollar sign"),
        ("${event", r"expected fields as \$name"),
        ("${event.__class__}", r"expected fields as \$name"),
    ],
)
def test_a_mistake_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CHECKED.validate_python(text)


def test_fields_are_those_of_the_event() -> None:
    text = CHECKED.validate_python("$$ $severity $alarm_id ${what} $since $count")
    since = datetime(2026, 1, 31, 12, tzinfo=UTC)
    found = render(text, event(since=since, severity="high"))
    assert found == "$ high pump-7:bearing-fault OuterRace 2026-01-31T12:00:00Z 1"


def test_every_field_can_be_shown_whatever_the_event_has() -> None:
    text = " ".join(f"${name}" for name in FIELDS)
    bare = event(label=None, since=None, last_measured_at=None)
    assert render(text, bare).split().count("-") >= 8
    assert render("$what", bare) == "bearing-fault"
    world = World()
    world.feed(10, probabilities=OUTER)
    raised = next(output.event for output in world.outputs if output.event)
    full = AlarmEvent.model_validate_json(raised.model_dump_json())
    found = render("$probability $rms $kurtosis $rms_trend", full)
    assert found.startswith("0.96")
    assert " 0.1 3 " in found


@pytest.mark.parametrize("text", [SUBJECT, BODY])
def test_the_defaults_are_valid(text: str) -> None:
    assert CHECKED.validate_python(text) == text
