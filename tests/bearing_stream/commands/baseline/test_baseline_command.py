"""`bearing-stream baseline`: from healthy recordings to a table of sensors for the assessor."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bearing_stream.commands.baseline.command import command
from bearing_stream.vocabulary import SAMPLING_RATE
from model.assessor import Assessor
from model.physics import baseline_file
from model.physics.bearing import DRIVE_END
from model.sensors import load
from tests.model.physics.signals import INNER, OUTER, RPM, Floats, dropped, healthy, struck

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


def test_a_designation_is_enough_and_its_source_is_printed(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "press.json"
    result = run("--bearing", "6205-2RS", recording, *RATE, "--rpm", RPM, "--out", out)
    assert result.exit_code == 0, result.output
    assert "Bearing 6205: 9 rolling elements" in result.output
    assert baseline_file.load(out).orders.outer == pytest.approx(DRIVE_END.outer, rel=1e-4)


def test_frequencies_at_the_speed_of_the_files_are_orders(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "press.json"
    hertz = [round(order * RPM / 60, 2) for order in (3.5848, 5.4152, 2.357)]
    result = run(recording, *RATE, "--rpm", RPM, "--orders", *hertz, "--out", out)
    assert result.exit_code == 0, result.output
    assert "frequencies in Hz at 1772 rpm" in result.output
    assert baseline_file.load(out).orders.inner == pytest.approx(DRIVE_END.inner, rel=1e-3)


def test_frequencies_may_belong_to_a_speed_that_a_manifest_states(
    recording: Path, tmp_path: Path
) -> None:
    manifest, out = tmp_path / "files.csv", tmp_path / "press.json"
    manifest.write_text(f"file,rate,rpm\n{recording.name},12000,{RPM}\n")
    hertz = [f"{order * RPM / 60:.2f}Hz" for order in (3.5848, 5.4152, 2.357)]
    result = run("--manifest", manifest, "--orders", *hertz, "--out", out)
    assert result.exit_code == 0, result.output
    assert baseline_file.load(out).orders.inner == pytest.approx(DRIVE_END.inner, rel=1e-3)


def test_a_file_that_cannot_be_written_is_named(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "nowhere" / "press.json"
    result = run(recording, *RATE, "--rpm", RPM, *ORDERS, "--out", out)
    assert result.exit_code == 1
    assert result.stderr.endswith(f"Error: --out: {out}: No such file or directory\n")


@pytest.mark.parametrize("step", ["disagreements", "holdout_line"])
def test_an_interrupt_leaves_no_baseline(
    step: str, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"bearing_stream.commands.baseline.command.{step}", interrupted)
    out = tmp_path / "press.json"
    result = run(recording, *RATE, "--rpm", RPM, *ORDERS, "--out", out)
    assert (result.exit_code, out.exists()) == (1, False)
    assert "interrupted; no baseline was written" in result.stderr


def test_each_file_may_have_its_own_rate(tmp_path: Path) -> None:
    files = [tmp_path / "slow.npy", tmp_path / "fast.npy"]
    np.save(files[0], healthy(30).reshape(-1))
    np.save(files[1], np.repeat(healthy(30, seed=2).reshape(-1), 2))
    out = tmp_path / "press.json"
    arguments = ["--rate", 12000, "--rate", 24000, "--rpm", RPM, *ORDERS, "--out", out]
    result = run(*files, *arguments)
    assert result.exit_code == 0, result.output
    assert "234 healthy windows of slow, fast" in result.output
    assert run(*files, "--rate", 1, *arguments).exit_code == 2


def test_a_low_rate_is_read_where_the_limit_is_lowered(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "press.json"
    arguments = ["--rate", 8000, "--rpm", RPM, *ORDERS, "--out", out]
    result = run(recording, *arguments, "--min-sampling-rate", 8000)
    assert result.exit_code == 0, result.output
    assert "nothing above" not in result.stderr


def test_a_manifest_states_rates_and_speeds(tmp_path: Path) -> None:
    np.save(tmp_path / "slow.npy", healthy(30).reshape(-1))
    np.save(tmp_path / "fast.npy", np.repeat(healthy(30, seed=2).reshape(-1), 2))
    manifest = tmp_path / "files.csv"
    manifest.write_text("file,rate,rpm\nslow.npy,,1760\nfast.npy,24000,\n")
    out = tmp_path / "press.json"
    arguments = ["--manifest", manifest, *RATE, "--rpm", RPM, *ORDERS, "--out", out]
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "234 healthy windows of slow, fast at 1760 to 1772 rpm" in result.output
    assert run(tmp_path / "slow.npy", *arguments).exit_code == 2


def test_the_row_is_for_the_sensor_that_is_named(recording: Path, tmp_path: Path) -> None:
    arguments = [*RATE, "--rpm", RPM, *ORDERS, "--out", tmp_path / "press.json"]
    result = run(recording, *arguments, "--sensor", "hall [2]/pump-7")
    table = tmp_path / "sensors.toml"
    table.write_text(result.output[result.output.index("[[sensor]]") :])
    assert load(table).row_index("hall [2]/pump-7") == 0
    assert load(table).row_index("press [7]") == -1


def test_false_flags_are_counted_on_what_was_held_out(recording: Path, tmp_path: Path) -> None:
    arguments = [recording, *RATE, "--rpm", RPM, *ORDERS, "--out", tmp_path / "press.json"]
    line = next(line for line in run(*arguments).output.splitlines() if "Held out" in line)
    assert "the last 33% of each recording: " in line
    faulty, windows = map(int, line.split(": ")[1].split(" healthy")[0].split(" of "))
    assert (windows, faulty) == (10, 0)
    assert "Held out" not in run(*arguments, "--holdout", 0).output
    assert "Held out, the last 50%" in run(*arguments, "--holdout", 0.5).output


def test_a_recording_too_short_to_hold_anything_out_is_fitted_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "second.npy"
    np.save(path, healthy(6).reshape(-1)[:6000])
    result = run(path, *RATE, "--rpm", RPM, *ORDERS, "--out", tmp_path / "press.json")
    assert result.exit_code == 0, result.output
    assert "Nothing was held out" in result.output
    assert "at 1772 rpm: 0.5 s, its deviations are good to " in result.output


@pytest.mark.parametrize(("order", "part"), [(OUTER, "outer"), (INNER, "inner")])
def test_a_damaged_bearing_among_healthy_ones_is_named(
    order: float, part: str, tmp_path: Path
) -> None:
    files = [tmp_path / f"day-{day}.npy" for day in range(4)]
    for day, path in enumerate(files):
        windows = struck(20, order) if day == 2 else healthy(20, seed=day)
        np.save(path, windows.reshape(-1))
    arguments = [*RATE, "--rpm", RPM, *ORDERS, "--out", tmp_path / "press.json"]
    result = run(*files, *arguments)
    assert result.exit_code == 0
    warnings = [line for line in result.stderr.splitlines() if "differs from" in line]
    assert len(warnings) == 1
    assert "day-2 differs from the other recordings" in warnings[0]
    assert f"line of its {part} race" in warnings[0]
    del files[2]
    assert "differs from" not in run(*files, *arguments).output


def test_flagged_windows_are_excluded_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "press.npy"
    np.save(path, np.concatenate([healthy(30), dropped(healthy(1), 100, held=True)]).reshape(-1))
    result = run(path, *RATE, "--rpm", RPM, *ORDERS, "--out", tmp_path / "press.json")
    assert result.exit_code == 0
    left_out = r"left out, with signal flags: (\d) of 121 windows \(dropout \1\)"
    assert re.search(left_out, result.output)


def shaft_tone(windows: Floats, hertz: float) -> Floats:
    """The signal of the windows in a row, and a tone of the same power."""
    signal = windows.reshape(-1)
    tone = np.sin(2 * np.pi * hertz * np.arange(len(signal)) / SAMPLING_RATE)
    return np.asarray(signal + np.sqrt(2) * signal.std() * tone, np.float32)


@pytest.mark.parametrize("rpm", [2950, 3000, 3560])
def test_a_machine_whose_shaft_turns_at_mains_frequency_has_a_baseline(
    rpm: float, tmp_path: Path
) -> None:
    path, out = tmp_path / "press.npy", tmp_path / "press.json"
    np.save(path, shaft_tone(healthy(30), rpm / 60))
    result = run(path, *RATE, "--rpm", rpm, *ORDERS, "--out", out)
    assert result.exit_code == 0, result.output
    assert "117 healthy windows" in result.output
    assert "left out" not in result.output


def test_where_too_few_windows_are_left_the_flags_of_the_others_are_named(tmp_path: Path) -> None:
    path = tmp_path / "press.npy"
    signal = shaft_tone(healthy(30), 50)
    signal[-2000:-1500] = 0
    np.save(path, signal)
    result = run(path, *RATE, "--rpm", 2000, *ORDERS, "--out", tmp_path / "press.json")
    assert result.exit_code == 1
    assert (
        "Error: a baseline needs 8 healthy windows at each speed, got 0; left out, with signal "
        "flags: 117 of 117 windows (dropout 4, mains-hum 117)\n"
    ) in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*RATE], "specify healthy recordings"),
        (["FILE", *RATE, "--rpm", "1772"], "specify the bearing"),
        (ORDERS, "specify healthy recordings"),
        (["FILE", *RATE, *ORDERS], "--rpm: expected one shaft speed\n"),
        (["FILE", "FILE", *RATE, *ORDERS], "one shaft speed, or one for each of 2 files\n"),
        (
            ["FILE", *RATE, "--rpm", "1", "--rpm", "2", *ORDERS],
            "--rpm: expected one shaft speed, got 2\n",
        ),
        (["FILE", "--rpm", "1772", *ORDERS], "does not state its sampling rate"),
        (
            ["FILE", *RATE, "--rpm", "36000", *ORDERS],
            "can be read from 294 to",
        ),
        (["FILE", *RATE, "--rpm", "nan", *ORDERS], "got nan rpm"),
        (["FILE", "--rate", "5000", "--rpm", "1772", *ORDERS], "or lower --min-sampling-rate"),
        (["FILE", *RATE, "--rpm", "1772", "--orders", "5", "3", "1"], "outer < inner"),
        (["FILE", *ORDERS, "--bearing", "9", "1", "5", "0"], "give one of them"),
        (["none.npy", *RATE, "--rpm", "1772", *ORDERS], "no such file"),
        (["FILE", *RATE, "--bearing", "7308", "BEP"], '--bearing "7308 BEP"'),
        (["--bearing", "NU", "208", "ECP", "none.npy"], '--bearing "NU 208 ECP"'),
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


@pytest.mark.parametrize("damaged", ["105", "118", "130", "222"])
def test_a_damaged_bearing_among_real_recordings_is_named(
    damaged: str, cwru_data: Path, tmp_path: Path
) -> None:
    files = [cwru_data / f"{name}.mat" for name in ("97", "98", damaged)]
    rates = [option for rate in (48000, 48000, 12000) for option in ("--rate", rate)]
    speeds = [option for rpm in (1796, 1772, 1796) for option in ("--rpm", rpm)]
    arguments = [*rates, *speeds, "--bearing", "6205", "--out", tmp_path / "rig.json"]
    result = run(*files, *arguments)
    assert result.exit_code == 0, result.output
    named = [line for line in result.stderr.splitlines() if "differs from" in line]
    assert [line.split()[1] for line in named] == [damaged]


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
