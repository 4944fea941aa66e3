"""The statistics of each sensor and of all, and their bounds."""

import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.commands.watch.statistics import SENSOR_LATENCIES, SensorStatistics, Snapshot
from bearing_stream.vocabulary import FAULT_LABELS, FaultLabel
from tests.bearing_stream.commands.watch.examples import diagnosis


class Clock:
    """A clock that advances only when a test sets it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def names(snapshot: Snapshot) -> list[str]:
    return [row.sensor for row in snapshot.rows]


def test_without_diagnoses_the_snapshot_is_empty() -> None:
    snapshot = SensorStatistics().snapshot(10)
    assert (snapshot.rows, snapshot.sensors, snapshot.dropped) == ([], 0, 0)
    total = snapshot.total
    assert (total.diagnosed, total.per_second, total.judged, total.agreed) == (0, 0, 0, 0)
    assert math.isnan(total.p50)
    assert math.isnan(total.p99)


def test_a_row_is_the_latest_diagnosis_of_its_sensor(clock: Clock) -> None:
    statistics = SensorStatistics(clock)
    statistics.add(diagnosis("a", "Normal"))
    statistics.add(diagnosis("a", "Ball"))
    clock.now += 3
    (row,) = statistics.snapshot(10).rows
    assert (row.sensor, row.prediction, row.probability, row.age) == ("a", "Ball", 0.97, 3)
    assert row.figures.diagnosed == 2


def test_damaged_bearings_come_first_then_by_name() -> None:
    statistics = SensorStatistics()
    for sensor, label in (("d", "Normal"), ("b", "Normal"), ("c", "Ball"), ("a", "OuterRace")):
        statistics.add(diagnosis(sensor, label))  # type: ignore[arg-type]
    assert names(statistics.snapshot(10)) == ["a", "c", "b", "d"]
    assert names(statistics.snapshot(3)) == ["a", "c", "b"]
    assert statistics.snapshot(3).sensors == 4


LABELS = st.sampled_from(FAULT_LABELS)
SEEN = st.tuples(st.sampled_from("abc"), LABELS, st.none() | LABELS, st.floats(-10, 1e5))


@given(st.lists(SEEN, max_size=40))
def test_counts_agreement_and_percentiles_are_those_of_the_diagnoses(
    seen: list[tuple[str, FaultLabel, FaultLabel | None, float]],
) -> None:
    statistics = SensorStatistics()
    for sensor, prediction, truth, latency in seen:
        statistics.add(diagnosis(sensor, prediction, truth, latency))
    snapshot = statistics.snapshot(10)
    assert sorted(names(snapshot)) == sorted({sensor for sensor, *_ in seen})
    groups = [(row.figures, row.sensor) for row in snapshot.rows] + [(snapshot.total, "abc")]
    for figures, sensors in groups:
        mine = [entry for entry in seen if entry[0] in sensors]
        assert figures.diagnosed == len(mine)
        assert figures.judged == sum(truth is not None for _, _, truth, _ in mine)
        assert figures.agreed == sum(prediction == truth for _, prediction, truth, _ in mine)
        if mine:
            expected = np.percentile([latency for *_, latency in mine], (50, 99))
            assert (figures.p50, figures.p99) == pytest.approx(tuple(expected), rel=1e-5, abs=1e-5)


def test_latencies_are_those_of_the_latest_windows() -> None:
    statistics = SensorStatistics()
    for _ in range(1000):
        statistics.add(diagnosis(latency=1000))
    for _ in range(SENSOR_LATENCIES):
        statistics.add(diagnosis(latency=1))
    (row,) = statistics.snapshot(1).rows
    assert (row.figures.p50, row.figures.p99) == (1, 1)
    assert row.figures.diagnosed == 1000 + SENSOR_LATENCIES


@pytest.mark.parametrize("per_second", [0.5, 6, 300])
def test_the_rate_of_a_steady_stream_is_right_after_a_few_seconds(
    clock: Clock, per_second: float
) -> None:
    statistics = SensorStatistics(clock)
    for second in range(2, 31, 2):
        for _ in range(round(per_second * 2)):
            statistics.add(diagnosis())
            clock.now += 1 / per_second
        if second > 5:
            assert statistics.snapshot(1).total.per_second == pytest.approx(per_second, rel=0.25)


def test_a_single_diagnosis_is_no_burst(clock: Clock) -> None:
    statistics = SensorStatistics(clock)
    statistics.add(diagnosis())
    assert 0.5 < statistics.snapshot(1).total.per_second < 1.5


def test_the_rate_of_a_silent_sensor_decays_to_zero(clock: Clock) -> None:
    statistics = SensorStatistics(clock)
    for _ in range(100):
        statistics.add(diagnosis())
        clock.now += 0.01
    clock.now += 60
    assert statistics.snapshot(1).total.per_second < 0.01


def test_the_sensor_that_is_silent_for_longest_is_removed() -> None:
    statistics = SensorStatistics(max_sensors=3)
    for sensor in ("a", "b", "c", "a", "d", "e"):
        statistics.add(diagnosis(sensor))
    snapshot = statistics.snapshot(10)
    assert names(snapshot) == ["a", "d", "e"]
    assert (snapshot.sensors, snapshot.dropped, snapshot.total.diagnosed) == (3, 2, 6)


def test_one_thread_may_add_while_another_takes_snapshots() -> None:
    statistics = SensorStatistics(max_sensors=100)
    diagnoses = [diagnosis(f"s{number}") for number in range(600)]
    done = threading.Event()

    def add() -> None:
        for each in diagnoses:
            statistics.add(each)
        done.set()

    adder = threading.Thread(target=add)
    adder.start()
    while not done.is_set():
        snapshot = statistics.snapshot(1000)
        assert len(snapshot.rows) == snapshot.sensors <= 100
    adder.join()
    assert statistics.snapshot(1).dropped == 500
