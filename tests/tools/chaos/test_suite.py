"""The plan of the suite, and the tables of its results."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bearing_stream.commands.verify import Report
from tools.chaos.command import WIDTH, table
from tools.chaos.results import HEADINGS, Outcome, cells, write
from tools.chaos.suite import FAULTS, Fault, planned
from tools.docs.chaos_table import PAGE, with_table

SOUND = Outcome("broker-killed", "exactly-once", Report(windows=1500), [4.0, 9.0, 5.0], {}, 30.0)


def test_the_whole_suite_kills_consumers_200_times_over_a_million_windows() -> None:
    killed = [
        fault.under("exactly-once") for fault in FAULTS if fault.name.startswith("consumer-killed")
    ]
    assert sum(fault.times for fault in killed) == 200
    assert sum(fault.windows for fault in killed) == 1_000_000


@pytest.mark.parametrize("minutes", [0, 4, 30, 120])
def test_a_slice_injects_every_fault_and_none_more_often_than_the_whole_suite(minutes: int) -> None:
    for part, whole in zip(planned(FAULTS, minutes), FAULTS, strict=True):
        assert part.name == whole.name
        assert 1 <= part.times <= whole.times
        assert part.windows <= whole.windows


def test_more_minutes_inject_more() -> None:
    times = [sum(part.times for part in planned(FAULTS, minutes)) for minutes in (4, 30, 60, 1e6)]
    assert times == sorted(times)
    assert times[-1] == sum(fault.times for fault in planned(FAULTS, None))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_at_least_once_has_the_same_faults_less_often(fault: Fault) -> None:
    eased = fault.under("at-least-once")
    assert 2 <= eased.times < fault.times
    assert eased == replace(fault, times=eased.times, windows=eased.windows)
    assert replace(fault, times=1).under("at-least-once").times == 1


def test_every_fault_has_its_own_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_an_entry_holds_faults_windows_and_recovery_times(tmp_path: Path) -> None:
    write([SOUND], "make chaos", tmp_path / "out" / "chaos.json")
    [entry] = json.loads((tmp_path / "out" / "chaos.json").read_text())
    assert entry["fault"] == "broker-killed"
    assert entry["times"] == 3
    assert entry["windows"] == 1500
    assert entry["lost"] == entry["duplicated"] == 0
    assert entry["recovery_s"] == {"median": 5.0, "worst": 9.0}
    assert len(cells(entry)) == len(HEADINGS)


@pytest.mark.parametrize(
    "outcome",
    [
        replace(SOUND, report=Report(windows=1500, lost=1)),
        replace(SOUND, report=Report(windows=1500, duplicated=1)),
        replace(SOUND, report=None, failure="stuck"),
    ],
)
def test_an_outcome_that_breaks_the_guarantee_is_not_sound(outcome: Outcome) -> None:
    assert SOUND.sound
    assert not outcome.sound


def test_at_least_once_may_duplicate() -> None:
    report = Report(windows=1500, duplicated=9, guarantee="at-least-once")
    assert replace(SOUND, report=report).sound
    assert not replace(SOUND, report=replace(report, relabelled=1)).sound


def test_a_fault_that_was_skipped_is_shown_as_not_run() -> None:
    entry = replace(SOUND, report=None, recoveries=[], skipped="needs root").as_json()
    assert entry["skipped"] == "needs root"
    assert "not run" in cells(entry)


def test_the_table_is_not_cut_off() -> None:
    longest = max((fault.name for fault in FAULTS), key=len)
    outcome = replace(SOUND, fault=longest, report=Report(windows=3_222_511))
    printed = StringIO()
    Console(width=WIDTH, file=printed).print(table([outcome]))
    for word in (longest, "exactly-once", "3,222,511", *HEADINGS):
        assert word in printed.getvalue()


def test_the_page_on_faults_has_a_place_for_the_table() -> None:
    entry = SOUND.as_json() | {"command": "make chaos", "date": "2026-01-31"}
    text = with_table(PAGE.read_text(), [entry])
    assert "| broker-killed | exactly-once | 3 | 1,500 | 0 | 0 | 5.0 | 9.0 |" in text
    assert "Made 2026-01-31 with" in text
    assert "- `make chaos`\n" in text
