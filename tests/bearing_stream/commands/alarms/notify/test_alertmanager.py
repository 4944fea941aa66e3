"""Alerts of an Alertmanager follow the alarms, and are sent again while they are active."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bearing_stream.commands.alarms.notify.senders import RefusedError, UnavailableError
from bearing_stream.commands.alarms.notify.senders.alertmanager import (
    AT_A_TIME,
    AlertmanagerSender,
)
from bearing_stream.wire.alarm import Alarm
from tests.bearing_stream.commands.alarms.notify.examples import event, notification, receiver
from tests.bearing_stream.commands.alarms.notify.sinks import HttpSink

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SINCE = NOW - timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def one(sink: HttpSink, clock: Clock) -> AlertmanagerSender:
    return sender(sink, clock)


def sender(sink: HttpSink, clock: Clock, more: str = "") -> AlertmanagerSender:
    text = f'kind = "alertmanager"\nurl = "{sink.url}/"\nlabels = {{ site = "north" }}\n{more}'
    return AlertmanagerSender(receiver(text), clock, lambda: NOW)


def posted(sink: HttpSink) -> list[list[dict[str, Any]]]:
    """The alerts of each request since the last call."""
    with sink.lock:
        found = [request.json for request in sink.requests]
        sink.requests.clear()
    return found


def test_an_alert_has_the_labels_of_its_alarm(sink: HttpSink, one: AlertmanagerSender) -> None:
    one.send(notification(since=SINCE))
    assert sink.requests[0].path == "/api/v2/alerts"
    [[alert]] = posted(sink)
    assert alert["labels"] == {
        "alertname": "BearingAlarm",
        "alarm_id": "pump-7:bearing-fault",
        "severity": "medium",
        "machine": "/example/machine",
        "sensor": "example-sensor",
        "kind": "bearing-fault",
        "site": "north",
    }
    assert alert["startsAt"] == "2026-01-31T11:00:00.000Z"
    assert "endsAt" not in alert
    assert alert["annotations"]["summary"] == "[medium] pump-7:bearing-fault raised: OuterRace"
    assert alert["annotations"]["label"] == "OuterRace"


@pytest.mark.parametrize(
    "over",
    [
        {"event": "cleared", "active": False, "state": "latched"},
        {"event": "cleared", "active": False, "state": "normal"},
        {"event": "masked", "state": "masked"},
        {"event": "shelved", "state": "shelved"},
        {"event": "suppressed", "state": "filtered"},
        {"event": "disabled", "state": "disabled", "active": False},
    ],
)
def test_an_alarm_that_is_over_or_hidden_ends_its_alert(
    sink: HttpSink, one: AlertmanagerSender, over: dict[str, Any]
) -> None:
    one.send(notification(1, since=SINCE))
    one.send(notification(2, since=SINCE, **over))
    [[active], [ended]] = posted(sink)
    assert ended["labels"] == active["labels"]
    assert ended["endsAt"] == "2026-01-31T12:00:00.000Z"


def test_silence_ends_no_alert(sink: HttpSink, one: AlertmanagerSender, clock: Clock) -> None:
    one.send(notification(since=SINCE))
    one.send(notification(since=SINCE, event="masked", state="masked", data="silent"))
    clock.now += 3600
    one.refresh()
    assert len(sink.requests) == 3
    assert all("endsAt" not in alert for alerts in posted(sink) for alert in alerts)


def test_an_alert_that_was_refused_is_sent_again(
    sink: HttpSink, one: AlertmanagerSender, clock: Clock
) -> None:
    sink.replies.append((400, {}, b""))
    with pytest.raises(RefusedError):
        one.send(notification(since=SINCE))
    clock.now += 3600
    one.refresh()
    assert posted(sink)[-1][0]["labels"]["alarm_id"] == "pump-7:bearing-fault"


def test_an_end_is_never_before_the_begin(sink: HttpSink, one: AlertmanagerSender) -> None:
    one.send(notification(since=NOW + timedelta(hours=1), active=False, state="normal"))
    [[ended]] = posted(sink)
    assert ended["endsAt"] == ended["startsAt"]


def test_an_alarm_that_becomes_worse_ends_the_alert_of_before(
    sink: HttpSink, one: AlertmanagerSender
) -> None:
    one.send(notification(1, since=SINCE))
    one.send(notification(2, since=SINCE, event="escalated", severity="high"))
    one.send(notification(3, since=SINCE, event="relabelled", severity="high", label="InnerRace"))
    _, [new, old], [again] = posted(sink)
    assert (new["labels"]["severity"], "endsAt" in new) == ("high", False)
    assert (old["labels"]["severity"], "endsAt" in old) == ("medium", True)
    assert again["labels"] == new["labels"]


def test_active_alerts_are_sent_again_and_ends_for_a_while(
    sink: HttpSink, one: AlertmanagerSender, clock: Clock
) -> None:
    one.refresh()
    one.send(notification(1, since=SINCE))
    one.send(notification(2, alarm_id="fan-1:bearing-fault", active=False, state="normal"))
    posted(sink)
    one.refresh()
    assert posted(sink) == []
    clock.now += 60
    one.refresh()
    [[active, ended]] = posted(sink)
    assert ("endsAt" in active, "endsAt" in ended) == (False, True)
    clock.now += 900
    one.refresh()
    [[active]] = posted(sink)
    assert active["labels"]["alarm_id"] == "pump-7:bearing-fault"


def test_an_alarm_that_is_raised_again_is_not_ended_by_what_is_sent_again(
    sink: HttpSink, one: AlertmanagerSender, clock: Clock
) -> None:
    for number, active in enumerate((True, False, True)):
        one.send(notification(number, active=active, state="latched"))
    posted(sink)
    clock.now += 60
    one.refresh()
    [[alert]] = posted(sink)
    assert "endsAt" not in alert


def test_after_a_start_what_is_active_is_sent_at_once(
    sink: HttpSink, clock: Clock, one: AlertmanagerSender
) -> None:
    alarms = [alarm(alarm_id=f"pump-{number}:bearing-fault") for number in range(AT_A_TIME + 1)]
    one.restore([*alarms, alarm(alarm_id="a:bearing-fault", active=False, state="latched")])
    one.refresh()
    assert [len(each) for each in posted(sink)] == [AT_A_TIME, 1]
    strict = sender(sink, clock, 'severity = "high"')
    strict.restore(alarms)
    strict.refresh()
    assert posted(sink) == []


def test_while_the_alertmanager_is_down_alerts_are_tried_again_soon(
    sink: HttpSink, one: AlertmanagerSender, clock: Clock
) -> None:
    one.restore([alarm()])
    sink.default = 503, {}, b""
    with pytest.raises(UnavailableError):
        one.refresh()
    sink.default = 200, {}, b""
    one.refresh()
    clock.now += 10
    one.refresh()
    assert len(posted(sink)) == 2


def test_an_alert_that_is_refused_does_not_keep_the_others_away(
    sink: HttpSink, one: AlertmanagerSender
) -> None:
    one.restore([alarm(alarm_id=f"pump-{number}:a") for number in range(2 * AT_A_TIME)])
    sink.replies.append((400, {}, b"bad label"))
    with pytest.raises(RefusedError, match="bad label"):
        one.refresh()
    assert len(posted(sink)) == 2


def alarm(**fields: Any) -> Alarm:
    return Alarm(**dict(event(since=SINCE, **fields)))
