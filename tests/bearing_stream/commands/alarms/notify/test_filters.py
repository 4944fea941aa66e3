"""Which events a receiver is sent: by severity, kind, machine, sensor, transition and state."""

from typing import Any

import pytest

from bearing_stream.commands.alarms.notify.filters import reason_to_omit
from tests.bearing_stream.commands.alarms.notify.examples import event, receiver

COMMAND = 'kind = "command"\nargv = ["true"]\n'
ALERTMANAGER = 'kind = "alertmanager"\nurl = "http://a"\n'


@pytest.mark.parametrize(
    ("filters", "fields", "reason"),
    [
        ("", {}, ""),
        ('severity = "high"', {"severity": "medium"}, "its severity is medium, below high"),
        ('severity = "high"', {"severity": "critical"}, ""),
        ('severity = "critical"', {"severity": "of-a-later-version"}, ""),
        ('kinds = ["bearing-fault"]', {"kind": "sensor-silent"}, "its kind is sensor-silent"),
        ('machines = ["/a/*", "/b/*"]', {"machine": "/b/1"}, ""),
        ('machines = ["/a/*"]', {"machine": "/b/1"}, "its machine is /b/1, and machines is /a/*"),
        ('sensors = ["fan-?"]', {"sensor": "fan-12"}, "its sensor is fan-12"),
        ('events = ["cleared"]', {}, "the event is raised, and events is cleared"),
        ("", {"event": "acknowledged"}, "the event is acknowledged"),
        ("", {"event": "of-a-later-version"}, "the event is of-a-later-version"),
        ("", {"state": "masked"}, "the alarm is not displayed: its state is masked"),
        ("", {"state": "shelved", "event": "escalated"}, "its state is shelved"),
        ("", {"state": "normal", "event": "unshelved"}, "its state is normal"),
        ("", {"state": "active", "event": "unshelved"}, ""),
        ("", {"state": "normal", "event": "cleared"}, ""),
        ("", {"state": "latched", "event": "cleared"}, ""),
        ("", {"state": "masked", "event": "cleared"}, "its state is masked"),
        ('events = ["shelved"]', {"state": "shelved", "event": "shelved"}, ""),
    ],
)
def test_an_event_is_for_a_receiver_or_there_is_a_reason(
    filters: str, fields: dict[str, Any], reason: str
) -> None:
    found = reason_to_omit(receiver(COMMAND + filters), event(**fields))
    assert reason in found
    assert bool(found) == bool(reason)


def test_an_alertmanager_is_notified_of_whatever_changes_an_alarm() -> None:
    one = receiver(ALERTMANAGER)
    for found in (event(state="masked", event="masked"), event(event="acknowledged")):
        assert reason_to_omit(one, found) == ""
    strict = receiver(ALERTMANAGER + 'severity = "high"')
    assert reason_to_omit(strict, event(severity="low"))
