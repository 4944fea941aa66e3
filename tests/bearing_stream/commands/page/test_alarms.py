"""The alarms of the page: which are kept, and what a browser gets of them."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.alarms.sensor import alarm_id, sensor_key
from bearing_stream.commands.page.alarm_reader import Reading
from bearing_stream.commands.page.alarm_table import AlarmTable, shown
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.wire.alarm_terms import AlarmKind
from tests.bearing_stream.commands.page.alarm_examples import SHELVED, acknowledged, alarm
from tests.bearing_stream.commands.page.examples import NOON
from tests.bearing_stream.commands.page.serving import application, get, parts
from tests.bearing_stream.commands.page.test_stream import opened, parsed

SEVERITIES = ("low", "medium", "high", "critical")


def listed(table: AlarmTable) -> list[str]:
    table.publish()
    update = table.since(0)
    assert update is not None
    return [each.id for each in update.alarms]


@pytest.mark.parametrize(
    ("state", "more", "kept"),
    [
        ("latched", {}, True),
        ("active", {"acked": True}, True),
        ("off-delay", {}, True),
        ("latched", {"active": False}, True),
        ("shelved", {"shelved": SHELVED}, True),
        # It can be unshelved, though nothing is displayed.
        ("masked", {"shelved": SHELVED}, True),
        ("normal", {"active": False, "acked": True}, False),
        ("masked", {}, False),
        ("filtered", {}, False),
        ("disabled", {}, False),
        ("on-delay", {"active": False, "acked": True}, False),
    ],
)
def test_it_keeps_what_is_displayed_or_shelved(
    state: str, more: dict[str, Any], kept: bool
) -> None:
    table = AlarmTable(10)
    table.put(alarm(state=state, **more))
    assert listed(table) == (["pump-7:bearing-fault"] if kept else [])


def test_an_alarm_vanishes_when_it_is_cleared_and_acknowledged() -> None:
    table = AlarmTable(10)
    table.put(alarm())
    assert [each.acked for each in table.publish().alarms] == [False]
    table.put(acknowledged(alarm()))
    assert [each.acked for each in table.publish().alarms] == [True]
    table.put(acknowledged(alarm(active=False)))
    assert table.publish() == ([], ["pump-7:bearing-fault"])
    assert table.find("pump-7:bearing-fault") is None
    table.put(alarm())
    table.remove("pump-7:bearing-fault")
    assert listed(table) == []


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(SEVERITIES)), max_size=120))
def test_memory_is_bounded_and_the_most_severe_alarms_are_kept(
    raised: list[tuple[int, str]],
) -> None:
    table = AlarmTable(10)
    for number, severity in raised:
        table.put(alarm(f"s-{number}", severity=severity))
        assert len(table) <= 10
        assert not table.can_reread or len(table) < 5
    latest = dict(raised)
    critical = [
        f"s-{number}:bearing-fault" for number, each in latest.items() if each == "critical"
    ]
    if len(critical) <= 9:
        assert set(critical) <= set(listed(table))
    assert table.is_cut or len(listed(table)) == len(latest)


def test_what_was_left_out_is_read_anew_once_half_is_free() -> None:
    table = AlarmTable(10)
    for number in range(11):
        table.put(alarm(f"s-{number}"))
    assert (table.is_cut, table.can_reread) == (True, False)
    for number in range(11):
        table.remove(f"s-{number}:bearing-fault")
    assert table.can_reread
    table.clear()
    assert not table.is_cut


@pytest.mark.parametrize(
    ("sensor", "channel"), [("pump-7", None), ("pump-7", "x"), ("a:b%", None), ("a:b%", "x:y")]
)
def test_an_alarm_is_of_a_channel_and_about_machine_or_instrument(
    sensor: str, channel: str | None
) -> None:
    for kind in AlarmKind:
        row = alarm(sensor, kind, alarm_id=alarm_id(sensor_key(sensor, channel), kind))
        found = shown(row)
        assert (found.sensor, found.channel) == (sensor, channel)
        assert found.is_instrument is not kind.is_machine
    assert not shown(alarm(kind="of a later version")).is_instrument


def test_a_browser_gets_the_alarms_with_the_fleet_and_then_what_changes() -> None:
    shared = parts(PageSettings())
    table = shared.alarms.table

    async def run() -> None:
        table.put(alarm(at=5, severity="high"))
        shared.stream.publish()
        events = await opened(shared.stream)
        first = parsed(await anext(events))
        [found] = first.data["alarms"]
        assert (found["id"], found["severity"], found["rank"]) == (
            *("pump-7:bearing-fault", "high", 2),
        )
        assert found["since"] == NOON + 5
        shared.stream.publish()
        assert parsed(await anext(events)).data["alarms"] == []
        table.put(acknowledged(alarm(active=False)))
        shared.stream.publish()
        second = parsed(await anext(events)).data
        assert (second["alarms"], second["removed_alarms"]) == ([], ["pump-7:bearing-fault"])
        # One that was cut off in between gets the same.
        again = parsed(await anext(await opened(shared.stream, first.id)))
        assert (again.name, again.data["removed_alarms"]) == ("update", ["pump-7:bearing-fault"])

    asyncio.run(run())


@pytest.mark.parametrize(
    "reading", [Reading("missing"), Reading("refused", "grant READ"), Reading("read")]
)
def test_the_status_states_what_is_known_of_the_alarms(reading: Reading) -> None:
    app, shared = application(alarms_topic="a")
    shared.alarms.reading = reading
    shared.alarms.table.put(alarm())
    shared.stream.publish()
    found = asyncio.run(get(app, "/api/fleet")).json()
    assert [each["id"] for each in found["alarms"]] == ["pump-7:bearing-fault"]
    status = found["status"]["alarms"]
    assert (status["topic"], status["state"], status["detail"]) == (
        *("a", reading.state, reading.detail),
    )
