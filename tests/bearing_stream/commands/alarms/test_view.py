"""Alarms in a terminal."""

import io
from typing import Any

import pytest
from rich.console import Console

from bearing_stream.commands.alarms.reading import Row
from bearing_stream.commands.alarms.view import show_alarms
from bearing_stream.wire.alarm import Alarm
from tests.bearing_stream.commands.alarms.notify.examples import event


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"state": "latched", "active": True}, "latched"),
        ({"state": "latched", "active": False}, "latched, cleared"),
        ({"state": "active", "active": True}, "active"),
    ],
)
def test_a_latched_alarm_that_has_been_cleared_is_shown_so(
    fields: dict[str, Any], state: str
) -> None:
    shown = io.StringIO()
    alarm = Alarm(**dict(event(**fields)))
    show_alarms([[Row(alarm, 0)]], Console(file=shown, width=200))
    heading, row = shown.getvalue().splitlines()
    begin, end = heading.index("state"), heading.index("alarm")
    assert row[begin:end].strip() == state
