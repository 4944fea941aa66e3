"""A baseline: healthy windows are ordinary, damaged ones stand out, and a file holds it exactly."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.physics import baseline_file
from model.physics.baseline import Baseline, fit, measure
from model.physics.baseline_file import BaselineError
from model.physics.bearing import DRIVE_END
from model.physics.lines import speeds
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
    elsewhere, there = (sigmas(struck(100, OUTER * k), RPM, baseline)[:, 0] for k in (1.085, 1))
    assert np.median(elsewhere) < 2.5
    assert np.median(there) > 10


def test_known_and_unknown_speeds_can_be_mixed(baseline: Baseline) -> None:
    windows = np.concatenate([healthy(3), struck(3, OUTER)])
    mixed = measure(windows, np.array([RPM, UNKNOWN, RPM, UNKNOWN, RPM, UNKNOWN]), baseline)
    known, searched = (sigmas(windows, rpm, baseline) for rpm in (RPM, UNKNOWN))
    np.testing.assert_allclose(mixed.sigmas[::2], known[::2], rtol=1e-4)
    np.testing.assert_allclose(mixed.sigmas[1::2], searched[1::2], rtol=1e-4)
    assert np.isfinite(mixed.rpm).all()


@pytest.mark.parametrize("rpm", [1e-3, 100.0, 3600.0, 1e300])
def test_at_a_speed_at_which_lines_cannot_be_measured_sigmas_are_nan(
    rpm: float, baseline: Baseline
) -> None:
    measured = measure(healthy(3), np.array([RPM, rpm, UNKNOWN]), baseline)
    assert np.isnan(measured.sigmas).all(axis=1).tolist() == [False, True, False]


def test_no_windows_give_no_measurements(baseline: Baseline) -> None:
    assert measure(healthy(3)[:0], np.empty(0), baseline).sigmas.shape == (0, 3)


@pytest.mark.parametrize(
    ("windows", "rpm", "message"),
    [
        (healthy(19), RPM, "needs 20 healthy windows, got 19"),
        (healthy(30), UNKNOWN, "got nan rpm"),
        (healthy(30), 3600, "from 294 to 2004 rpm"),
        (healthy(30), speeds(DRIVE_END)[1] * 0.99, "4% inside"),
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
    for name, value in asdict(baseline).items():
        np.testing.assert_array_equal(asdict(read)[name], value)
    assert (read.orders, read.nominal_rpm, read.windows) == (DRIVE_END, RPM, 200)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lines": [1, 2]}, "lines: .*at least 3"),
        ({"shape": [1] * 12}, "shape: .*at most 11"),
        ({"line_deviations": [1, 0, 1]}, "line_deviations.1: .*greater than 0"),
        ({"shape_deviations": [-1] * 11}, "shape_deviations.0"),
        ({"nominal_rpm": 3000}, "rpm"),
        ({"orders": {"outer": 3, "inner": 2, "ball_spin": 1}}, "outer < inner"),
        ({"windows": 3}, "windows"),
        ({"mood": 1}, "mood"),
    ],
)
def test_an_invalid_file_is_refused_by_name(
    change: dict[str, Any], message: str, baseline: Baseline, tmp_path: Path
) -> None:
    file = tmp_path / "press.json"
    file.write_text(json.dumps(json.loads(baseline_file.to_json(baseline)) | change))
    with pytest.raises(BaselineError, match=rf"press\.json: .*{message}"):
        baseline_file.load(file)


def test_a_missing_file_and_one_that_is_not_json_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"none\.json: cannot be read"):
        baseline_file.load(tmp_path / "none.json")
    (tmp_path / "text.json").write_bytes(b"\xff\x00")
    with pytest.raises(BaselineError, match=r"text\.json: expected a baseline"):
        baseline_file.load(tmp_path / "text.json")
