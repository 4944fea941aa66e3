"""`bearing-stream baseline`: from healthy recordings to a table of sensors for the assessor."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bearing_stream.commands.baseline.command import command
from model.assessor import Assessor
from model.physics import baseline_file
from model.physics.bearing import DRIVE_END
from model.sensors import load
from tests.model.physics.signals import OUTER, RPM, dropped, healthy, struck

ORDERS = ["--orders", "3.5848", "5.4152", "2.357"]
RATE = ["--rate", "12000"]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "press [7].npy"
    np.save(path, healthy(30).reshape(-1))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_it_prints_a_table_of_sensors_that_the_assessor_loads(
    recording: Path, tmp_path: Path
) -> None:
    out = tmp_path / "press.json"
    result = run(recording, *RATE, "--rpm", RPM, *ORDERS, "--out", out)
    assert result.exit_code == 0, result.output
    assert "117 healthy windows" in result.output
    table = tmp_path / "sensors.toml"
    table.write_text(result.output[result.output.index("[[sensor]]") :])
    assert load(table).row_index("press [7]") == 0

    assessor = Assessor.load(device="cpu", diagnoser="physics", sensors=table)
    windows = np.concatenate([healthy(10, seed=5), struck(10, OUTER)])
    found = assessor.assess(windows, np.full(20, np.nan), ["press [7]"] * 20)
    assert found.evidence is not None
    assert (found.evidence.sigmas[:, 0] > 2.5).tolist() == [False] * 10 + [True] * 10


def test_the_geometry_gives_the_same_orders(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "press.json"
    geometry = ["--bearing", 9, 7.94, 39.04, 0]
    assert run(recording, *RATE, "--rpm", RPM, *geometry, "--out", out).exit_code == 0
    assert baseline_file.load(out).orders.outer == pytest.approx(DRIVE_END.outer, rel=1e-4)


def test_each_file_may_have_its_own_speed(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "press.json"
    speeds = ["--rpm", 1700, "--rpm", 1800]
    result = run(recording, recording, *RATE, *speeds, *ORDERS, "--out", out)
    assert "1700 to 1800 rpm" in result.output
    assert baseline_file.load(out).speeds.tolist() == [1700, 1800]


def test_flagged_windows_are_excluded_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "press.npy"
    np.save(path, np.concatenate([healthy(30), dropped(healthy(1), 100, held=True)]).reshape(-1))
    result = run(path, *RATE, "--rpm", RPM, *ORDERS, "--out", tmp_path / "press.json")
    assert result.exit_code == 0
    assert "excluded, with signal flags: " in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "specify the bearing"),
        (ORDERS, "specify healthy recordings"),
        (["FILE", *RATE, *ORDERS], "--rpm: expected one shaft speed"),
        (["FILE", *RATE, "--rpm", "1", "--rpm", "2", *ORDERS], "got 2"),
        (["FILE", "--rpm", "1772", *ORDERS], "does not state its sampling rate"),
        (
            ["FILE", *RATE, "--rpm", "36000", *ORDERS],
            "can be read from 294 to",
        ),
        (["FILE", *RATE, "--rpm", "nan", *ORDERS], "got nan rpm"),
        (["FILE", *RATE, "--rpm", "1772", "--orders", "5", "3", "1"], "outer < inner"),
        (["FILE", *ORDERS, "--bearing", "9", "1", "5", "0"], "give one of them"),
        (["none.npy", *RATE, "--rpm", "1772", *ORDERS], "no such file"),
        (["--recordings", "105", "--data", "."], "damaged: 105"),
        (["--recordings", "98,x", "--data", "."], "no recording x"),
    ],
)
def test_an_invalid_request_is_one_line(
    arguments: list[str], message: str, recording: Path, tmp_path: Path
) -> None:
    given = [str(recording) if argument == "FILE" else argument for argument in arguments]
    out = tmp_path / "out.json"
    result = run(*given, "--out", out)
    assert result.exit_code != 0
    assert message in result.output
    assert "Traceback" not in result.output
    assert not out.exists()


def test_the_shipped_baseline_is_that_of_the_healthy_recordings_of_its_rig(
    cwru_data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "rig.json"
    result = run("--recordings", "97,98,Normal_2,Normal_3", "--data", cwru_data, "--out", out)
    assert result.exit_code == 0, result.output
    fitted, shipped = baseline_file.load(out), load().rows[0].baseline
    assert shipped is not None
    # Half a sigma: the recordings may be longer than those of the shipped baseline.
    for one, other in zip(shipped.points, fitted.points, strict=True):
        assert (np.abs(one.lines - other.lines) < one.line_deviations / 2).all()
        assert (np.abs(one.shape - other.shape) < one.shape_deviations / 2).all()
