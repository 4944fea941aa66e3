"""A baseline: healthy windows are ordinary, damaged ones stand out, and a file holds it exactly."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.grouping import Grouping
from model.physics import baseline_file
from model.physics.baseline import FOUND_BY, Baseline, FoundBy, fit
from model.physics.baseline_file import BaselineError
from model.physics.bearing import DRIVE_END, BearingOrders
from model.physics.measurements import measure
from tests.model.physics.signals import INNER, OUTER, RPM, Floats, healthy, struck

pytestmark = pytest.mark.numeric

UNKNOWN = float("nan")


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return fit(healthy(200), np.full(200, RPM), DRIVE_END)


def sigmas(windows: Floats, rpm: float, baseline: Baseline) -> Any:
    return measure(windows, np.full(len(windows), rpm), baseline).sigmas


@pytest.mark.parametrize("rpm", [RPM, UNKNOWN])
def test_other_windows_of_the_healthy_machine_are_ordinary(rpm: float, baseline: Baseline) -> None:
    measured = measure(healthy(200, seed=9), np.full(200, rpm), baseline)
    assert np.abs(measured.sigmas.mean(axis=0)).max() < 0.3
    assert measured.sigmas.std(axis=0) == pytest.approx(1, abs=0.25)
    assert np.mean(measured.distance < 2) > 0.98


@pytest.mark.parametrize("rpm", [RPM, UNKNOWN])
@pytest.mark.parametrize(("column", "order"), [(0, OUTER), (1, INNER)])
def test_a_struck_race_stands_out(
    column: int, order: float, rpm: float, baseline: Baseline
) -> None:
    found = sigmas(struck(100, order), rpm, baseline)
    assert np.mean(found[:, column] > 2.5) > 0.9
    assert np.mean(found[:, column] > found[:, 1 - column]) > 0.95


def test_no_line_is_found_at_another_bearings_orders(baseline: Baseline) -> None:
    """The control: the frequency of the line matters, not the level of the window."""
    # Beyond the search for the speed.
    elsewhere, there = (sigmas(struck(100, OUTER * k), RPM, baseline)[:, 0] for k in (1.2, 1))
    assert np.median(elsewhere) < 2.5
    assert np.median(there) > 8


@pytest.mark.parametrize("error", [0.93, 0.97, 1.04, 1.07])
def test_lines_are_found_though_the_stated_speed_is_off(error: float, baseline: Baseline) -> None:
    measured = measure(struck(100, OUTER), np.full(100, RPM * error), baseline)
    assert np.mean(measured.sigmas[:, 0] > 2.5) > 0.9
    assert np.median(np.abs(measured.rpm / RPM - 1)) < 0.015
    found_by = np.bincount(measured.found_by, minlength=3) / 100
    assert found_by[FOUND_BY.index("search")] > 0.9


@pytest.mark.parametrize(("rpm", "found_by"), [(RPM, "stated"), (UNKNOWN, "baseline")])
def test_the_speed_of_a_healthy_window_is_the_stated_or_the_baselines(
    rpm: float, found_by: FoundBy, baseline: Baseline
) -> None:
    measured = measure(healthy(100, seed=9), np.full(100, rpm), baseline)
    usual = measured.found_by == FOUND_BY.index(found_by)
    assert usual.mean() > 0.95
    assert (measured.rpm[usual] == RPM).all()


def test_each_speed_has_a_point_and_the_nearest_judges() -> None:
    slow, fast = np.diff(healthy(40), prepend=0).astype(np.float32), healthy(40)
    rpm = np.repeat([900.0, RPM], 40)
    found = fit(np.concatenate([slow, fast]), rpm, DRIVE_END)
    assert found.speeds.tolist() == [900.0, RPM]
    assert [point.windows for point in found.points] == [40, 40]
    measured = measure(np.concatenate([slow, fast, slow]), np.array([*rpm, *rpm[40:]]), found)
    assert (measured.distance[:80] < 2).all()
    assert (measured.distance[80:] > 3).all()


def test_speeds_that_the_baseline_does_not_hold_are_outside(baseline: Baseline) -> None:
    rpm = RPM * np.array([0.5, 0.97, 0.98, 1, 1.02, 1.03, 2])
    measured = measure(healthy(7), rpm, baseline)
    assert measured.outside.tolist() == [True, True, False, False, False, True, True]


def test_a_point_holds_the_range_of_speeds_that_it_was_fitted_at() -> None:
    loads = np.linspace(0.965, 1, 4) * RPM
    found = fit(healthy(40), np.repeat(loads, 10), DRIVE_END)
    [point] = found.points
    assert (point.slowest, point.fastest) == (loads[0], loads[-1])
    rpm = np.array([loads[0] * 0.98, *loads, loads[-1] * 1.02])
    assert not measure(healthy(6), rpm, found).outside.any()
    beyond = np.array([loads[0] * 0.97, loads[-1] * 1.03])
    assert measure(healthy(2), beyond, found).outside.all()


def test_a_stated_speed_is_off_where_a_line_stands_out_at_a_speed_that_is_held(
    baseline: Baseline,
) -> None:
    windows, rpm = struck(50, OUTER), np.full(50, 1.05 * RPM)
    measured = measure(windows, rpm, baseline)
    found = measured.found_by == FOUND_BY.index("search")
    assert found.mean() > 0.9
    assert not measured.outside[found].any()
    assert measured.outside[~found].all()
    # Of a healthy machine nothing shows that the stated speed is off.
    assert measure(healthy(50), rpm, baseline).outside.mean() > 0.95


def test_without_a_stated_speed_the_point_of_the_nearest_shape_judges() -> None:
    slow, fast = np.diff(healthy(40), prepend=0).astype(np.float32), healthy(40)
    rpm = np.repeat([900.0, RPM], 40)
    found = fit(np.concatenate([slow, fast]), rpm, DRIVE_END)
    other = np.random.default_rng(3).standard_normal((40, 2048)).astype(np.float32)
    windows = np.concatenate([slow, fast, other])
    measured = measure(windows, np.full(120, UNKNOWN), found)
    assert np.median(np.abs(measured.rpm[:80] / rpm - 1)) == 0
    assert measured.guessed.tolist() == [False] * 80 + [True] * 40
    assert not measured.outside.any()
    # A window that is like none is judged at the speed at which lines stand out.
    damaged = measure(struck(40, OUTER), np.full(40, UNKNOWN), found)
    assert np.median(np.abs(damaged.rpm / RPM - 1)) < 0.015
    assert np.mean(damaged.sigmas[:, 0] > 3) > 0.9


def test_a_fast_shaft_and_many_rolling_elements_are_read() -> None:
    """3,600 rpm on a 6205, and 2,000 rpm on a bearing of 16 rollers."""
    rollers = BearingOrders(outer=7.0921, inner=8.9079, ball_spin=4.1977)
    for orders, rpm in ((DRIVE_END, 3600.0), (rollers, 2000.0)):
        found = fit(healthy(40), np.full(40, rpm), orders)
        for column, order in ((0, orders.outer), (1, orders.inner)):
            measured = measure(struck(50, order, rpm), np.full(50, rpm), found)
            assert np.mean(measured.sigmas[:, column] > 2.5) > 0.8
            assert (measured.sigmas[:, :2].argmax(axis=1) == column).mean() > 0.9


def test_means_of_several_windows_keep_the_deviations_of_one(baseline: Baseline) -> None:
    windows, rpm = struck(40, OUTER), np.full(40, RPM)
    each = measure(windows, rpm, baseline)
    together = measure(windows, rpm[:10], baseline, Grouping.every(40, 4))
    # The best speed is chosen once for a measurement, so its lines are a little lower.
    mean = each.sigmas.reshape(10, 4, 3).mean(axis=1)
    np.testing.assert_allclose(together.sigmas[:, 0], mean[:, 0], rtol=0.2)
    assert (together.distance < each.distance.reshape(10, 4).mean(axis=1) + 1e-6).all()


def test_a_second_of_healthy_windows_is_enough_and_states_how_sure_it_is() -> None:
    signal = healthy(12).reshape(-1)
    short = np.lib.stride_tricks.sliding_window_view(signal[:12_000], 2048)[::512]
    found = fit(short, np.full(len(short), RPM), DRIVE_END)
    (point,) = found.points
    assert point.windows == 20
    assert point.seconds == pytest.approx(1, rel=0.03)
    assert 0.2 < point.uncertainty < 0.5
    measured = measure(healthy(200, seed=9), np.full(200, RPM), found)
    assert (measured.distance < 3).mean() > 0.99


def test_known_and_unknown_speeds_can_be_mixed(baseline: Baseline) -> None:
    windows = np.concatenate([healthy(3), struck(3, OUTER)])
    mixed = measure(windows, np.array([RPM, UNKNOWN, RPM, UNKNOWN, RPM, UNKNOWN]), baseline)
    known, searched = (sigmas(windows, rpm, baseline) for rpm in (RPM, UNKNOWN))
    np.testing.assert_allclose(mixed.sigmas[::2], known[::2], rtol=1e-4)
    np.testing.assert_allclose(mixed.sigmas[1::2], searched[1::2], rtol=1e-4)
    assert np.isfinite(mixed.rpm).all()


@pytest.mark.parametrize("rpm", [1e-3, 100.0, 9000.0, 1e300])
def test_at_a_speed_at_which_lines_cannot_be_measured_sigmas_are_nan(
    rpm: float, baseline: Baseline
) -> None:
    measured = measure(healthy(3), np.array([RPM, rpm, UNKNOWN]), baseline)
    assert np.isnan(measured.sigmas).all(axis=1).tolist() == [False, True, False]
    assert measured.outside.tolist() == [False, True, False]


def test_no_windows_give_no_measurements(baseline: Baseline) -> None:
    assert measure(healthy(3)[:0], np.empty(0), baseline).sigmas.shape == (0, 3)


@pytest.mark.parametrize(
    ("windows", "rpm", "message"),
    [
        (healthy(7), RPM, "needs 8 healthy windows at each speed, got 7"),
        (healthy(0), RPM, "needs 8 healthy windows at each speed, got 0"),
        (healthy(30), UNKNOWN, "got nan rpm"),
        (healthy(30), 20_000, r"from 294 to \d+ rpm, got 20000"),
        (np.zeros((30, 2048), np.float32), RPM, "all alike"),
    ],
)
def test_windows_that_make_no_baseline_are_refused(
    windows: Floats, rpm: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fit(windows, np.full(len(windows), rpm), DRIVE_END)


def test_a_stored_baseline_measures_the_same(baseline: Baseline, tmp_path: Path) -> None:
    file = tmp_path / "press.json"
    file.write_text(baseline_file.to_json(baseline))
    read = baseline_file.load(file)
    windows, rpm = struck(10, OUTER), np.array([RPM, UNKNOWN] * 5)
    one, other = measure(windows, rpm, baseline), measure(windows, rpm, read)
    np.testing.assert_allclose(one.sigmas, other.sigmas, rtol=1e-6)
    np.testing.assert_allclose(one.distance, other.distance, rtol=1e-6)
    # The numbers themselves are exact: JSON holds each with as many digits as it needs.
    for one_point, other_point in zip(baseline.points, read.points, strict=True):
        for name, value in asdict(one_point).items():
            np.testing.assert_array_equal(asdict(other_point)[name], value)
    assert (read.orders, read.nominal_rpm, read.windows) == (DRIVE_END, None, 200)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": []}, "points: .*at least 1"),
        ({"nominal_rpm": 30_000}, "rpm"),
        ({"orders": {"outer": 3, "inner": 2, "ball_spin": 1}}, "outer < inner"),
        ({"mood": 1}, "mood"),
        ({"searched": [1, 1, 1]}, "an earlier version.*fit it again"),
    ],
)
def test_an_invalid_file_is_refused_by_name(
    change: dict[str, Any], message: str, baseline: Baseline, tmp_path: Path
) -> None:
    file = tmp_path / "press.json"
    file.write_text(json.dumps(json.loads(baseline_file.to_json(baseline)) | change))
    with pytest.raises(BaselineError, match=rf"press\.json: .*{message}"):
        baseline_file.load(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lines": [1, 2]}, "lines: .*at least 3"),
        ({"shape": [1] * 12}, "shape: .*at most 11"),
        ({"line_deviations": [1, 0, 1]}, "line_deviations.1: .*greater than 0"),
        ({"shape_deviations": [-1] * 11}, "shape_deviations.0"),
        ({"windows": 3}, "windows"),
        ({"rpm": 30_000}, "rpm"),
    ],
)
def test_an_invalid_point_is_refused_by_name(
    change: dict[str, Any], message: str, baseline: Baseline, tmp_path: Path
) -> None:
    file = tmp_path / "press.json"
    content = json.loads(baseline_file.to_json(baseline))
    content["points"][0] |= change
    file.write_text(json.dumps(content))
    with pytest.raises(BaselineError, match=rf"press\.json: .*{message}"):
        baseline_file.load(file)


def test_a_missing_file_and_one_that_is_not_json_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"none\.json: cannot be read"):
        baseline_file.load(tmp_path / "none.json")
    (tmp_path / "text.json").write_bytes(b"\xff\x00")
    with pytest.raises(BaselineError, match=r"text\.json: expected a baseline"):
        baseline_file.load(tmp_path / "text.json")
