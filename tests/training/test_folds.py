"""No fold trains on samples that it tests on, nor, in some protocols, on the same bearings."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH, FaultLabel
from training.evaluation.folds import (
    DIAMETERS,
    OTHER_MAKE,
    Fold,
    same_bearing,
    unseen_diameter,
    unseen_load,
    unseen_type,
)
from training.evaluation.networks import pool_of
from training.evaluation.samples import healthy, take

FAULTS: tuple[FaultLabel, ...] = ("Ball", "InnerRace", "OuterRace")


def one(name: str, windows: int, fault: FaultLabel, diameter: float | None, load: int) -> Recording:
    # Every sample encodes its recording and position, so that each window is unique.
    first = int(name) * 1e5
    return Recording(
        id=name,
        sensor=name,
        collection="synthetic",
        samples=first + np.arange(float(windows * WINDOW_LENGTH + 7)),
        sampling_rate=SAMPLING_RATE,
        fault=fault,
        fault_diameter=diameter,
        load=load,
        rpm=1797.0 - 20 * load,
    )


def rig(windows: int = 10) -> list[Recording]:
    kinds: list[tuple[FaultLabel, float | None]] = [("Normal", None)]
    kinds += list(itertools.product(FAULTS, DIAMETERS))
    kinds += [("Ball", OTHER_MAKE), ("InnerRace", OTHER_MAKE)]
    return [
        one(str(number), windows, fault, diameter, load)
        for number, (load, (fault, diameter)) in enumerate(itertools.product((0, 3), kinds))
    ]


def every_fold(recordings: list[Recording]) -> list[Fold]:
    folds = [
        *same_bearing(recordings),
        *unseen_load(recordings),
        *unseen_diameter(recordings),
        *unseen_type(recordings),
    ]
    return folds + [inner for fold in folds for inner in fold.inner]


@settings(deadline=None, max_examples=5)
@given(windows=st.integers(8, 14), seed=st.integers(0, 99))
def test_no_sample_is_trained_and_tested_on(windows: int, seed: int) -> None:
    recordings = rig(windows)
    by_id = {recording.id: recording for recording in recordings}
    for fold in every_fold(recordings):
        tested = set(take(by_id, fold.split(seed).test).windows.astype(np.float64).ravel())
        drawn = pool_of(fold, seed).draw(20, np.random.default_rng(seed)).windows
        assert tested.isdisjoint(drawn.astype(np.float64).ravel())
        assert tested.isdisjoint(healthy(fold, seed).windows.astype(np.float64).ravel())
        validated = take(by_id, fold.split(seed).validation).windows.astype(np.float64)
        assert tested.isdisjoint(validated.ravel())


def bearings(recordings: list[Recording], names: set[str]) -> set[tuple[str | None, float | None]]:
    return {
        (recording.fault, recording.fault_diameter)
        for recording in recordings
        if recording.id in names and recording.fault != "Normal"
    }


def test_an_unseen_diameter_shares_no_damaged_bearing_at_any_level() -> None:
    recordings = rig()
    outer = unseen_diameter(recordings)
    assert [fold.name for fold in outer] == ["0.007", "0.014", "0.021"]
    for fold in outer:
        assert len(fold.inner) == 2
        tested = bearings(recordings, set(fold.split(0).test))
        assert tested == {(fault, float(fold.name)) for fault in FAULTS}
        for level in (fold, *fold.inner):
            trained = bearings(recordings, {recording.id for recording in level.training})
            assert trained.isdisjoint(tested)
            assert trained.isdisjoint(bearings(recordings, set(level.split(0).test)))
            assert OTHER_MAKE not in {diameter for _, diameter in trained | tested}


def test_a_choice_inside_a_fold_sees_no_window_that_the_fold_tests() -> None:
    recordings = rig()
    by_id = {recording.id: recording for recording in recordings}
    for fold in unseen_diameter(recordings):
        tested = set(take(by_id, fold.split(0).test).windows.ravel())
        for inner in fold.inner:
            assert tested.isdisjoint(take(by_id, inner.split(0).test).windows.ravel())


def test_the_healthy_bearing_is_split_in_time() -> None:
    recordings = rig()
    for fold in every_fold(recordings)[3:]:
        if fold.without:
            continue
        for recording in fold.training:
            if recording.fault == "Normal":
                last = recording.samples.size
                assert (fold.split(0).test[recording.id] >= last).all()


def test_an_unseen_load_is_unseen() -> None:
    for fold in unseen_load(rig()):
        loads = {recording.load for recording in fold.training}
        assert f"{fold.name}" not in {f"{load:g} hp" for load in loads if load is not None}
        assert {recording.fault for recording in fold.training} >= {*FAULTS, "Normal"}


def test_an_unseen_type_is_never_drawn() -> None:
    for fold in unseen_type(rig()):
        labels = pool_of(fold, 0).draw(5, np.random.default_rng(0)).labels
        assert len(labels) == 15
        assert len(set(labels)) == 3
        assert all(recording.fault != fold.without for recording in fold.training)


def test_a_type_that_is_missing_without_being_left_out_is_refused() -> None:
    fold = unseen_type(rig())[0]
    with pytest.raises(ValueError, match="no Ball window"):
        pool_of(dataclasses.replace(fold, without=None), 0)
