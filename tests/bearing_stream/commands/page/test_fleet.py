"""The state of the fleet: what a diagnosis, silence and too many sensors do to it."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.commands.page.changes import Changes
from bearing_stream.commands.page.fleet import Fleet
from bearing_stream.commands.page.rollup import prefixes
from bearing_stream.commands.page.sensor import Row, SensorKey
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS
from tests.bearing_stream.commands.page.examples import (
    NOON,
    add,
    diagnosis,
    evidence,
    indicators,
    small_fleet,
)

ALL = 1_000_000


def row(fleet: Fleet) -> Row:
    """The one sensor of a fleet."""
    [only] = fleet.publish(ALL).rows or fleet.since(0).rows  # type: ignore[union-attr]
    return only


@pytest.mark.parametrize(
    ("fields", "machine", "hint", "rank"),
    [
        ({}, "Normal", "Normal", 0),
        ({"prediction": "OuterRace"}, "OuterRace", "OuterRace", 5),
        ({"prediction": "InnerRace", "evidence": evidence()}, "InnerRace", "InnerRace", 5),
        ({"prediction": "Ball"}, "Ball", "Ball", 5),
        ({"prediction": "Ball", "evidence": evidence(decided_by="network")}, "Ball", "Ball", 5),
        # Physics has no line for a ball: it only excludes the races.
        ({"prediction": "Ball", "evidence": evidence()}, "Changed", "Changed", 4),
        ({"reasons": ["clipping"]}, "Uncertain", "Normal", 3),
        ({"reasons": ["dropout"], "prediction": "Ball"}, "Uncertain", "Ball", 3),
        ({"reasons": ["unknown-machine"], "prediction": "Ball"}, "Uncertain", "Ball", 2),
        ({"reasons": ["outside-baseline"]}, "Uncertain", "Normal", 1),
        ({"reasons": ["a-later-flag"]}, "Uncertain", "Normal", 1),
        ({"prediction": "Unknown", "reasons": ["novelty"]}, "Uncertain", "Unknown", 2),
        ({"prediction": "Cage"}, "Uncertain", "Cage", 2),
    ],
)
def test_a_diagnosis_gives_a_state_and_a_rank(
    fields: dict[str, Any], machine: str, hint: str, rank: int
) -> None:
    fleet = small_fleet()
    add(fleet, diagnosis(**fields))
    found = row(fleet)
    assert (found.machine, found.hint, found.rank) == (machine, hint, rank)
    assert found.flags == tuple(fields.get("reasons", ()))


def test_a_state_lasts_since_its_first_measurement() -> None:
    fleet = small_fleet()
    add(fleet, diagnosis(at=0), diagnosis(at=1))
    assert (row(fleet).since, row(fleet).since_at_least) == (NOON, True)
    add(fleet, *(diagnosis(prediction="OuterRace", at=at) for at in (2, 3, 4)))
    assert (row(fleet).since, row(fleet).since_at_least) == (NOON + 2, False)
    add(fleet, diagnosis(prediction="OuterRace", at=5, reasons=["clipping"]))
    assert (row(fleet).since, row(fleet).machine) == (NOON + 2, "Uncertain")


def test_the_latest_in_the_topic_is_the_state_also_where_it_was_measured_earlier() -> None:
    fleet = small_fleet()
    add(fleet, diagnosis(at=100), diagnosis(at=50, prediction="Ball"))
    assert row(fleet).machine == "Ball"
    detail = fleet.detail(SensorKey("/plant-2/line-1/pump-7", "pump-7"))
    assert detail is not None
    assert list(detail.points.times) == [NOON + 50, NOON + 100]


def test_sources_and_channels_are_sensors_of_their_own() -> None:
    fleet = small_fleet()
    add(fleet, diagnosis(), diagnosis(channel="x"), diagnosis(channel="y"), diagnosis(source="/b"))
    assert len(fleet) == 4


@pytest.mark.parametrize(("interval", "patience"), [(0.17, 10), (1, 10), (60, 300), (3600, 18_000)])
def test_a_sensor_is_silent_after_five_times_its_own_interval(
    interval: float, patience: float
) -> None:
    fleet = small_fleet()
    add(fleet, *(diagnosis(at=number * interval) for number in range(-3, 1)))
    fleet.check_silence(NOON + patience * 0.999)
    assert not row(fleet).silent
    fleet.check_silence(NOON + patience * 1.001)
    assert (row(fleet).silent, row(fleet).rank, row(fleet).machine) == (True, 3, "Normal")
    add(fleet, diagnosis(at=2 * patience))
    assert not row(fleet).silent


def test_one_long_gap_does_not_change_the_interval_and_lasting_ones_do() -> None:
    fleet = small_fleet()
    add(fleet, *(diagnosis(at=at) for at in range(10)), diagnosis(at=1000))
    assert row(fleet).interval == 1
    add(fleet, *(diagnosis(at=at) for at in (1100, 1200, 1300)))
    assert row(fleet).interval == 100


def test_a_sensor_with_one_measurement_has_no_interval_and_is_never_silent() -> None:
    fleet = small_fleet()
    add(fleet, diagnosis(), diagnosis(), diagnosis(at=-5))
    fleet.check_silence(NOON + 1e9)
    assert (row(fleet).silent, row(fleet).interval) == (False, None)


def test_silence_resolves_no_fault() -> None:
    fleet = small_fleet()
    add(fleet, *(diagnosis(at=at, prediction="InnerRace") for at in range(3)))
    fleet.check_silence(NOON + 1000)
    assert (row(fleet).silent, row(fleet).rank, row(fleet).machine) == (True, 5, "InnerRace")


def test_beyond_the_maximum_the_one_seen_longest_ago_is_removed() -> None:
    fleet = small_fleet(max_sensors=2)
    add(fleet, diagnosis("a"), diagnosis("b"), diagnosis("b", at=1))
    first = fleet.publish(ALL)
    add(fleet, diagnosis("a", at=1), diagnosis("c", at=12))
    update = fleet.publish(ALL)
    gone = [each.id for each in first.rows if each.sensor == "b"]
    assert (update.removed, fleet.dropped, len(fleet)) == (gone, 1, 2)
    assert update.groups[""] == {"sensors": 2, "Normal": 2}
    assert fleet.detail(SensorKey("/plant-2/line-1/pump-7", "b")) is None


def test_sensors_beyond_the_maximum_take_no_place_of_one_that_sends() -> None:
    fleet = small_fleet(max_sensors=10)
    names = [f"pump-{number}" for number in range(12)]
    for at in range(50):
        add(fleet, *(diagnosis(name, at=at) for name in names))
    assert (len(fleet), fleet.dropped, fleet.left_out) == (10, 0, 2)
    detail = fleet.detail(SensorKey("/plant-2/line-1/pump-7", "pump-0"))
    assert detail is not None
    assert detail.points.counts.sum() == 50
    for at in range(50, 100):
        add(fleet, *(diagnosis(name, at=at) for name in names[1:]))
    assert (len(fleet), fleet.dropped, fleet.left_out) == (10, 1, 1)


def test_sensors_that_send_seldom_keep_their_place() -> None:
    fleet = small_fleet(max_sensors=10)
    for minute in range(40):
        for number in range(12):
            add(fleet, diagnosis(f"pump-{number}", at=1200 * minute + 100 * number))
    assert (len(fleet), fleet.dropped, fleet.left_out) == (10, 0, 2)
    fleet.check_silence(NOON + 1200 * 45)
    assert fleet.left_out == 0


def test_changes_of_state_are_published_before_measurements_in_the_same_state() -> None:
    fleet = small_fleet()
    names = [f"pump-{number}" for number in range(20)]
    add(fleet, *(diagnosis(name) for name in names))
    assert len(fleet.publish(ALL).rows) == 20
    add(fleet, *(diagnosis(name, at=1) for name in names))
    add(fleet, diagnosis("pump-19", "OuterRace", at=2))
    published = [fleet.publish(8).rows for _ in range(4)]
    assert [each.sensor for each in published[0]] == ["pump-19", *names[:7]]
    assert [each.sensor for rows in published for each in rows] == ["pump-19", *names[:19]]


def test_a_row_has_its_newest_measurements_as_a_strip_and_a_sparkline() -> None:
    fleet = small_fleet()
    add(
        fleet,
        diagnosis(indicators=indicators(1.0)),
        diagnosis(at=1),
        diagnosis(at=2, prediction="OuterRace", indicators=indicators(3.0)),
        diagnosis(at=3, prediction="Ball", reasons=["novelty"], indicators=indicators(2.0)),
    )
    assert (row(fleet).strip, row(fleet).spark) == ("NNOb", "0 oP")


class _Browser:
    """Applies updates as the page does."""

    def __init__(self) -> None:
        self.version = 0
        self.rows: dict[int, Row] = {}
        self.groups: dict[str, dict[str, int]] = {}

    def apply(self, update: Any) -> None:
        for number in update.removed:
            self.rows.pop(number, None)
        for name in update.removed_groups:
            self.groups.pop(name, None)
        self.rows |= {each.id: each for each in update.rows}
        self.groups |= update.groups
        self.version = update.version


def counted(rows: list[Row]) -> dict[str, dict[str, int]]:
    """Count rows by group, independently of `Rollup`."""
    groups: dict[str, Counter[str]] = {}
    for each in rows:
        keys = ["sensors", each.machine, *each.flags, *(["silent"] if each.silent else [])]
        for name in prefixes(each.source):
            groups.setdefault(name, Counter()).update(keys)
    return {name: dict(counts) for name, counts in groups.items()}


DIAGNOSES = st.tuples(
    st.sampled_from("abcdef"),
    st.sampled_from(FAULT_LABELS),
    st.floats(0, 1000),
    st.lists(st.sampled_from(QUALITY_FLAGS), max_size=2, unique=True),
    st.sampled_from(["/p/1", "/p/2", "/q//r/", "urn:x", "/a/b/c/d/e/f/g/h", ""]),
)

STEPS = st.lists(st.one_of(DIAGNOSES, st.floats(0, 2000), st.integers(0, 3)), max_size=60)


@given(STEPS)
def test_browsers_that_read_every_some_or_one_update_end_with_the_fleet(steps: list[Any]) -> None:
    """`steps` are diagnoses, checks of silence at a time, and publications of so many rows."""
    fleet = small_fleet(max_sensors=5)
    every, some = _Browser(), _Browser()
    for step in steps:
        if isinstance(step, float):
            fleet.check_silence(NOON + step)
        elif isinstance(step, int):
            every.apply(fleet.publish(step))
            if step == 3:
                some.apply(fleet.since(some.version))
        else:
            name, label, at, reasons, source = step
            add(fleet, diagnosis(name, label, at, reasons, source))
    every.apply(fleet.publish(ALL))
    some.apply(fleet.since(some.version))
    new = _Browser()
    new.apply(fleet.since(0))
    for browser in (every, some, new):
        assert browser.rows == new.rows
        assert browser.groups == counted(list(new.rows.values()))
    assert len(new.rows) == len(fleet) <= 5


def test_what_was_removed_too_long_ago_cannot_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bearing_stream.commands.page.changes.REMOVALS", 2)
    changes = Changes[int]()
    for key in range(5):
        changes.touch(key)
    changes.publish()
    for key in range(4):
        changes.remove(key)
        changes.publish()
    assert changes.since(1) is None
    assert changes.since(3) == ([], [2, 3])
    assert changes.since(0) == ([4], [])
    assert changes.since(99) is None
