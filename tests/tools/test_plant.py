"""Recordings replayed as a plant: one alarm a faulty bearing, of what it is diagnosed as."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bearing_stream.alarms.engine import Engine
from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import SAMPLING_RATE, FaultLabel
from bearing_stream.wire.alarm_terms import AlarmKind
from model.physics.bearing import DRIVE_END
from tests.model.physics.signals import INNER, OUTER, healthy, struck
from tools.plant.command import plant
from tools.plant.outcome import Outcome, outcomes
from tools.plant.recorded import Machine, by_physics
from tools.plant.report import Summary, markdown
from training.evaluation.rigs import RigRecording, read_rigs

RPM = 1772


def recorded(label: FaultLabel, samples: np.ndarray) -> RigRecording:
    recording = Recording(
        id=label,
        sensor=label,
        collection="synthetic",
        samples=samples.reshape(-1).astype(np.float64),
        sampling_rate=SAMPLING_RATE,
        fault=label,
        rpm=RPM,
    )
    return RigRecording("synthetic", "", recording, DRIVE_END)


@pytest.fixture(scope="module")
def synthetic() -> list[Outcome]:
    machine, _ = by_physics(
        [
            recorded("Normal", healthy(40, seed=1)),
            # Another path than the healthy machine's: a fault changes the shape of the spectrum.
            recorded("OuterRace", np.diff(struck(12, OUTER, RPM), prepend=0)),
            recorded("InnerRace", np.diff(struck(12, INNER, RPM), prepend=0)),
        ]
    )
    return [*outcomes(machine, Engine())]


def test_each_faulty_bearing_raises_one_alarm_of_its_part_and_clears_it(
    synthetic: list[Outcome],
) -> None:
    assert [(each.label, each.raised) for each in synthetic] == [
        ("Normal", ()),
        ("OuterRace", ((AlarmKind.BEARING_FAULT, "OuterRace"),)),
        ("InnerRace", ((AlarmKind.BEARING_FAULT, "InnerRace"),)),
    ]
    assert all(each.is_right and each.is_as_diagnosed for each in synthetic)
    assert all(each.seconds is None or each.seconds < 5 for each in synthetic)


def test_the_report_counts_bearings(synthetic: list[Outcome]) -> None:
    good, outer, inner = synthetic
    twice = replace(inner, raised=inner.raised * 2)
    changed = replace(outer, raised=((AlarmKind.MACHINE_CHANGED, None),))
    wrong = replace(outer, raised=((AlarmKind.BEARING_FAULT, "Ball"),))
    silent = replace(outer, raised=(), seconds=None)
    alarmed = replace(good, raised=outer.raised)
    found = Summary.of(
        "rig", "physics", [good, alarmed, outer, inner, twice, changed, wrong, silent]
    )
    assert (found.healthy, found.alarmed, found.faulty, found.diagnosed) == (2, 1, 6, 6)
    assert (found.one_right, found.one_changed, found.one_wrong) == (2, 1, 1)
    assert (found.none, found.several, found.unlike) == (1, 1, 5)
    *_, row = markdown([found]).splitlines()
    assert row.startswith("| rig | physics | 6 | 6 | 2 | 1 | 1 | 1 | 1 | 2 | 1 |")


def every_third(machines: Iterator[Machine]) -> Iterator[Outcome]:
    """Replay the healthy bearings and every third faulty one, which takes seconds."""
    for machine in machines:
        part = replace(machine, faulty=machine.faulty[::3])
        yield from outcomes(part, Engine())


def check(found: list[Outcome]) -> None:
    """No alarm is worse than the diagnoses, and none changes its part."""
    assert {each.name: each.raised for each in found if not each.is_as_diagnosed} == {}
    assert {each.name: each.changed for each in found if "relabelled" in each.changed} == {}
    assert all(each.is_right for each in found if each.predicted == each.label)


@pytest.mark.slow
def test_on_the_cwru_recordings_alarms_are_as_right_as_the_diagnoses(cwru_data: Path) -> None:
    check([*every_third(plant(cwru_data, None))])


@pytest.mark.slow
def test_on_other_rigs_alarms_are_as_right_as_the_diagnoses(rigs_data: Path) -> None:
    check([*every_third(by_physics(read_rigs(rigs_data)))])
