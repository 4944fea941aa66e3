"""A summary counts all, lists the most severe, and is the same for the same events."""

import json
from typing import Any

from bearing_stream.commands.alarms.notify.notification import LISTED, Notification, Summary
from tests.bearing_stream.commands.alarms.notify.examples import event


def summary(*events: Any) -> Notification:
    found = Summary()
    for each in events:
        found.add(each)
    return found.notification()


def test_it_counts_all_and_lists_the_most_severe_first() -> None:
    many = [event(number, severity="low") for number in range(500)]
    found = summary(*many, event(1000, severity="critical", alarm_id="fan-1:bearing-fault"))
    body = json.loads(found.body)
    assert (body["count"], body["severity"]) == (501, "critical")
    assert body["events"] == {"raised": 501}
    assert body["severities"] == {"low": 500, "critical": 1}
    keys = [int(each["transition_id"], 16) for each in body["listed"]]
    assert keys == [1000, *range(LISTED - 1)]
    assert found.title == "[critical] 501 events of alarms: 501 raised"
    assert "critical  raised      fan-1:bearing-fault  OuterRace" in found.text
    assert f"and {501 - LISTED} more" in found.text


def test_its_key_depends_on_its_events_alone() -> None:
    both = event(1), event(2, label=None)
    assert summary(*both).key == summary(*both).key == json.loads(summary(*both).body)["summary_id"]
    assert len({summary(*both).key, summary(both[0]).key, summary(*reversed(both)).key}) == 3


def test_its_title_is_one_line_for_people() -> None:
    found = summary(event(), event(1, event="cleared"))
    assert found.titled("ignored") == "[medium] 2 events of alarms: 1 raised, 1 cleared"
    assert found.written("ignored").splitlines()[0] == found.title
