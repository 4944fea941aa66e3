"""The plan of the suite, and the tables of its results."""

import json
from contextlib import nullcontext
from dataclasses import replace
from io import StringIO
from math import inf
from pathlib import Path
from typing import NoReturn

import pytest
from rich.console import Console

from bearing_stream.commands.verify import Report
from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.local_kafka import LocalKafka
from tests.kafka_in_memory.clock import Clock
from tools.chaos.command import WIDTH, table
from tools.chaos.errors import ChaosError
from tools.chaos.fault import Fault
from tools.chaos.plan import OVERHEAD, Plan
from tools.chaos.results import HEADINGS, Outcome, cells, write
from tools.chaos.suite import FAULTS, Suite
from tools.docs.chaos_table import PAGE, with_table

SOUND = Outcome("broker-killed", "exactly-once", Report(windows=1500), [4.0, 9.0, 5.0], {}, 30.0)


def test_the_whole_suite_kills_consumers_200_times_over_a_million_windows() -> None:
    killed = [
        fault.under("exactly-once") for fault in FAULTS if fault.name.startswith("consumer-killed")
    ]
    assert sum(fault.times for fault in killed) == 200
    assert sum(fault.windows for fault in killed) == 1_000_000


def injections(minutes: float | None, slowness: float = 1.0) -> tuple[dict[str, int], float]:
    """How often each trial of a run injects, and how long the run takes where all takes longer."""
    clock = Clock()
    plan, began = Plan(FAULTS, minutes, clock), clock.now
    times = {}
    while plan.left and plan.has_time():
        fault, guarantee = plan.take()
        times[f"{fault.name} {guarantee}"] = fault.times
        clock.sleep(slowness * (OVERHEAD + fault.seconds * fault.times))
    return times, (clock.now - began) / 60


WHOLE, _ = injections(None)


@pytest.mark.parametrize("minutes", [45, 60, 120])
@pytest.mark.parametrize("slowness", [0.5, 1.0, 1.5])
def test_a_bounded_run_ends_in_time_and_has_every_fault(minutes: int, slowness: float) -> None:
    times, duration = injections(minutes, slowness)
    assert duration <= minutes
    assert times.keys() == WHOLE.keys()
    assert all(1 <= count <= WHOLE[name] for name, count in times.items())


def test_no_trial_takes_the_time_of_the_others() -> None:
    clock = Clock()
    plan = Plan(FAULTS, 60, clock)
    fault, _ = plan.take()
    assert clock.now < plan.end_of(fault) <= clock.now + 2 * fault.seconds * fault.times
    clock.sleep(60 * 55)
    assert plan.end_of(fault) <= clock.now + 60 * 5
    assert Plan(FAULTS, None).end_of(fault) == inf


def test_a_run_that_is_far_too_slow_leaves_out_what_does_not_fit() -> None:
    times, duration = injections(20, 3.0)
    assert duration <= 25
    assert 0 < len(times) < len(WHOLE)


def test_more_minutes_inject_more() -> None:
    times = [sum(injections(minutes)[0].values()) for minutes in (4, 30, 60, 1e6)]
    assert times == sorted(times)
    assert times[-1] == sum(WHOLE.values())


def test_all_of_it_is_what_the_list_states() -> None:
    for fault in FAULTS:
        for guarantee in fault.guarantees:
            assert WHOLE[f"{fault.name} {guarantee}"] == fault.under(guarantee).times


class Broken(Suite):
    """Whose trials of one fault fail; notes on which cluster each trial runs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(1, folder)
        self.clusters: list[object] = []

    def trial(
        self,
        kafka: LocalKafka,
        fault: Fault,
        guarantee: Guarantee,
        ends: float = inf,  # noqa: ARG002
    ) -> Outcome:
        self.clusters.append(kafka)
        failure = "stuck" if fault.name == "consumer-killed" else ""
        return Outcome(fault.name, guarantee, None, [], {}, 1.0, failure=failure)


def test_a_run_goes_on_after_a_trial_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.chaos.suite.cluster", lambda _: nullcontext(object()))
    suite = Broken(tmp_path)
    outcomes = list(suite.run(Plan(FAULTS[:3], None), lambda _: None))
    assert [one.failure for one in outcomes] == ["stuck", "stuck", "", "", "", ""]
    assert [suite.clusters.index(one) for one in suite.clusters] == [0, 1, 2, 2, 2, 2]


def test_what_cannot_be_run_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def impossible(_: object) -> NoReturn:
        raise ChaosError("not run: root is needed")

    monkeypatch.setattr("tools.chaos.suite.cluster", impossible)
    outcomes = list(Broken(tmp_path).run(Plan(FAULTS[:1], None), lambda _: None))
    assert [one.skipped for one in outcomes] == ["not run: root is needed"] * 2


def test_a_run_whose_time_is_over_reports_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.chaos.suite.cluster", lambda _: nullcontext(object()))
    outcomes = list(Broken(tmp_path).run(Plan(FAULTS[:1], 0), lambda _: None))
    assert [one.skipped for one in outcomes] == ["not run: the time is over"] * 2


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
