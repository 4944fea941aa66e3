"""`bearing-stream diagnose`: a line or an object for each recording."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bearing_stream.commands.diagnose.command import command
from bearing_stream.commands.diagnose.recording_diagnosis import RecordingDiagnosis
from bearing_stream.commands.diagnose.settings import DiagnoseSettings
from bearing_stream.config import from_command_line, load, options
from bearing_stream.recordings.files import read_file
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS
from bearing_stream.wire import Measurement, Rejection, decode_measurement, encode_measurement
from model.assessment import Assessment, PhysicsAssessment
from model.assessor import Assessor
from model.indicators import Indicators

FIELDS = [
    *("file", "windows", "prediction", "probability", "probabilities", "quality", "reasons"),
    *("novelty", "evidence", "indicators", "shares", "uncertain", "window_reasons", "origin"),
]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Four windows and a half of noise, the second of them clipped."""
    samples = np.random.default_rng(1).normal(size=4 * 2048 + 1000)
    samples[2048:4096] = samples[2048:4096].clip(-0.5, 0.5)
    np.save(tmp_path / "pump.npy", samples)
    return tmp_path / "pump.npy"


def diagnose(*arguments: object) -> Result:
    return CliRunner().invoke(command, [*map(str, arguments), "--device", "cpu"])


def objects(result: Result) -> list[Any]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_has_an_object_for_each_recording(recording: Path) -> None:
    options = ("--rate", 12000, "--json", "--diagnoser", "network")
    (summary,) = objects(diagnose(recording, *options))
    assert list(summary) == FIELDS
    assert (summary["file"], summary["windows"]) == (str(recording), 4)
    assert list(summary["shares"]) == list(FAULT_LABELS)
    assert sum(summary["shares"].values()) == pytest.approx(1)
    assert summary["window_reasons"]["clipping"] == 1
    assert summary["uncertain"] >= 0.25
    assert summary["quality"] == ("uncertain" if summary["reasons"] else "good")
    assert summary["evidence"] is None
    assert summary["novelty"] > 0


def test_it_prints_the_output_of_the_assessor(recording: Path) -> None:
    windows = read_file(recording, sampling_rate=12000).windows().astype(np.float32)
    expected = Assessor.load(device="cpu").assess(windows, np.full(4, np.nan), ["pump"] * 4)
    printed = objects(diagnose(recording, "--rate", 12000, "--json", "--windows"))
    assert [window["window"] for window in printed] == [0, 1, 2, 3]
    assert printed[3]["start"] == pytest.approx(3 * 2048 / 12000)
    for row, window in enumerate(printed):
        probabilities = list(window["probabilities"].values())
        np.testing.assert_allclose(probabilities, expected.probabilities[row], atol=1e-5)
        assert window["prediction"] == FAULT_LABELS[expected.probabilities[row].argmax()]
        assert window["quality"] == ("uncertain" if window["reasons"] else "good")
    assert "clipping" in printed[1]["reasons"]


def test_the_diagnosis_of_a_recording_is_that_of_all_its_windows_together(
    recording: Path,
) -> None:
    windows = read_file(recording, sampling_rate=12000).windows().astype(np.float32)
    assessor = Assessor.load(device="cpu")
    expected = assessor.assess(windows, np.full(1, np.nan), ["pump"], np.array([4]))
    (summary,) = objects(diagnose(recording, "--rate", 12000, "--json"))
    printed = list(summary["probabilities"].values())
    np.testing.assert_allclose(printed, expected.probabilities[0], atol=1e-5)
    assert summary["prediction"] == FAULT_LABELS[expected.probabilities[0].argmax()]


def test_people_see_the_prediction_and_what_decided(recording: Path) -> None:
    given = (recording, "--rate", 12000, "--unit", "g")
    first, indicators, windows = diagnose(*given).stdout.splitlines()
    assert first.startswith(f"{recording}: ")
    assert ", by network, quality " in first
    assert windows.strip().startswith("4 windows: ")
    assert "clipping 1" in windows
    assert indicators.strip().startswith("RMS 0.8")
    assert " g, crest factor " in indicators
    assert "velocity RMS " in indicators
    arguments = [recording, "--rate", 12000, "--diagnoser", "physics", "--sensor", "105/DE"]
    first, lines, change, _, _ = diagnose(*arguments, "--rpm", 1750).stdout.splitlines()
    assert ", by " in first
    assert lines.endswith("sigmas above healthy")
    assert "sigmas from healthy; 1750 rpm, as stated" in change
    assert "rpm, not stated: that of the table of sensors" in diagnose(*arguments).stdout


def test_there_is_a_line_for_each_window(recording: Path) -> None:
    _, *lines = diagnose(recording, "--rate", 12000, "--windows").stdout.splitlines()
    assert len(lines) == 4
    assert lines[1].endswith("clipping") or "clipping," in lines[1]
    assert lines[2].split()[1:3] == ["2", "0.34"]


def test_another_sampling_rate_is_resampled(recording: Path) -> None:
    (summary,) = objects(diagnose(recording, "--rate", 24000, "--json"))
    assert summary["windows"] == 2


def test_a_file_that_the_consumer_would_refuse_is_refused(recording: Path) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    message = encode_measurement(
        Measurement("/test", "1", "pump", moment, np.load(recording), 5000.0)
    )
    with pytest.raises(Rejection) as rejection:
        decode_measurement(message.headers, message.value)
    result = diagnose(recording, "--rate", 5000)
    assert (result.exit_code, result.stdout) == (1, "")
    _, _, why = str(rejection.value).partition("got 5000 Hz: ")
    assert "lower --min-sampling-rate (" in why
    assert f"{recording}: expected a sampling rate from 11880 to " in result.stderr
    assert why in result.stderr


def test_a_low_rate_is_read_where_the_limit_is_lowered(recording: Path) -> None:
    result = diagnose(recording, "--rate", 5000, "--min-sampling-rate", 5000)
    assert result.exit_code == 0
    assert "nothing above" not in result.output
    assert "lower" not in result.output


@pytest.mark.parametrize("rate", [12_000, 25_600, 48_000, 97_656])
def test_what_resampling_hides_is_flagged(tmp_path: Path, rate: int) -> None:
    samples = np.random.default_rng(1).normal(size=rate)
    np.save(tmp_path / "clipped.npy", samples.clip(-1, 1))
    np.save(tmp_path / "dead.npy", np.where(np.arange(rate) < rate // 2, samples, 0.3))
    found = objects(diagnose(*sorted(tmp_path.iterdir()), "--rate", rate, "--json"))
    signal = [set(each["reasons"]) & {"clipping", "dropout"} for each in found]
    assert signal == [{"clipping"}, {"dropout"}]
    assert found[0]["window_reasons"]["clipping"] == 5
    assert found[1]["window_reasons"]["flat-line"] == 2


def test_each_file_may_have_its_own_rate_and_speed(recording: Path, tmp_path: Path) -> None:
    fast = tmp_path / "fast.npy"
    np.save(fast, np.repeat(np.load(recording), 2))
    arguments = ["--diagnoser", "physics", "--sensor", "105/DE", "--json"]
    speeds = ["--rpm", 1750, "--rpm", 1700]
    rates = ["--rate", 12000, "--rate", 24000]
    slow, quick = objects(diagnose(recording, fast, *rates, *speeds, *arguments))
    assert (slow["windows"], quick["windows"]) == (4, 4)
    found = [each["evidence"]["shaft_speed"] for each in (slow, quick)]
    assert found == [1750, 1700]
    result = diagnose(recording, fast, recording, *rates, *arguments)
    assert result.exit_code == 2
    assert "one for each of 3 files, got 2" in result.stderr


def test_a_manifest_states_rates_and_speeds(recording: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "fast.npy", np.repeat(np.load(recording), 2))
    manifest = tmp_path / "files.csv"
    manifest.write_text("file;rate;rpm\npump.npy;12000;1750\nfast.npy;;\n")
    arguments = ["--manifest", manifest, "--diagnoser", "physics", "--sensor", "105/DE", "--json"]
    slow, quick = objects(diagnose(*arguments, "--rate", 24000, "--rpm", 1700))
    assert (slow["windows"], quick["windows"]) == (4, 4)
    assert [each["evidence"]["shaft_speed"] for each in (slow, quick)] == [1750, 1700]
    assert diagnose(recording, *arguments).exit_code == 2
    manifest.write_text("path\npump.npy\n")
    result = diagnose(*arguments)
    assert (result.exit_code, "the column 'file'" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["--rpm", "1750"], {}, (1750,)),
        (["--rpm", "1750", "--rpm", "1800"], {"BEARING_STREAM_RPM": "1"}, (1750, 1800)),
        ([], {"BEARING_STREAM_RPM": "1750"}, (1750,)),
        ([], {"BEARING_STREAM_RPM": "1750,1800.5"}, (1750, 1800.5)),
        ([], {}, ()),
    ],
)
def test_speeds_are_settings(
    arguments: list[str], environment: dict[str, str], expected: tuple[float, ...]
) -> None:
    got = []

    @click.command()
    @options(DiagnoseSettings)
    def command(**given: Any) -> None:
        got.append(from_command_line(DiagnoseSettings, given).rpm)

    result = CliRunner().invoke(command, arguments, env=environment)
    assert (result.exit_code, got) == (0, [expected]), result.output
    result = CliRunner().invoke(command, [], env={"BEARING_STREAM_RPM": "1750,fast"})
    assert result.exit_code == 2
    assert "BEARING_STREAM_RPM" in result.output


def test_a_settings_file_may_have_one_speed_or_several(tmp_path: Path) -> None:
    for value, expected in (("1750", (1750,)), ("[1750, 1800]", (1750, 1800))):
        file = tmp_path / "settings.toml"
        file.write_text(f"[diagnose]\nrpm = {value}\n")
        assert load(DiagnoseSettings, {}, file, "diagnose").rpm == expected


def test_a_speed_that_has_no_lines_is_blamed_and_not_the_sensor(recording: Path) -> None:
    arguments = ["--rate", 12000, "--diagnoser", "physics", "--sensor", "105/DE"]
    result = diagnose(recording, *arguments, "--rpm", 9000)
    assert result.exit_code == 0
    assert "the shaft speed, 9000 rpm, has no lines that can be read" in result.stderr
    assert "sensor" not in result.stderr


@pytest.mark.parametrize("ending", ["png", "svg"])
@pytest.mark.parametrize("sensor", ["105/DE", "$other$"])
def test_a_plot_is_drawn(recording: Path, tmp_path: Path, ending: str, sensor: str) -> None:
    path = tmp_path / f"pump.{ending}"
    arguments = ["--rate", 12000, "--rpm", 1750, "--diagnoser", "physics", "--sensor", sensor]
    result = diagnose(recording, *arguments, "--plot", path)
    assert result.exit_code == 0, result.output
    assert path.stat().st_size > 10_000


def test_a_plot_is_of_one_recording_in_a_known_format(recording: Path, tmp_path: Path) -> None:
    result = diagnose(recording, recording, "--rate", 12000, "--plot", tmp_path / "a.png")
    assert (result.exit_code, "one recording" in result.stderr) == (2, True)
    result = diagnose(recording, "--rate", 12000, "--plot", tmp_path / "a.txt")
    assert (result.exit_code, ".png, .svg, .pdf" in result.stderr) == (2, True)
    result = diagnose(recording, "--rate", 12000, "--plot", tmp_path / "none" / "a.png")
    assert (result.exit_code, "cannot be written" in result.stderr) == (1, True)


def test_unreadable_files_do_not_stop_it(recording: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.npy"
    np.save(short, np.arange(100.0))
    missing = tmp_path / "missing.wav"
    options = ("--rate", 12000, "--json", "--diagnoser", "network")
    result = diagnose(missing, recording, short, *options)
    assert result.exit_code == 1
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == [str(recording)]
    errors = result.stderr.splitlines()
    assert [str(missing) in errors[0], str(short) in errors[1]] == [True, True]
    assert len(errors) == 2


def test_a_flat_line_is_not_diagnosed(recording: Path, tmp_path: Path) -> None:
    samples = np.load(recording)
    samples[2048:4096] = 0.25
    np.save(recording, samples)
    (summary,) = objects(diagnose(recording, "--rate", 12000, "--json"))
    assert (summary["windows"], summary["window_reasons"]["flat-line"]) == (3, 1)
    assert (summary["quality"], "dropout" in summary["reasons"]) == ("uncertain", True)
    windows = objects(diagnose(recording, "--rate", 12000, "--json", "--windows"))
    assert [window["window"] for window in windows] == [0, 2, 3]
    dead = tmp_path / "dead.npy"
    np.save(dead, np.zeros(9000))
    result = diagnose(dead, "--rate", 12000, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "flat line" in result.stderr


def test_a_missing_sampling_rate_is_named(recording: Path) -> None:
    result = diagnose(recording)
    assert result.exit_code == 1
    assert "sampling rate" in result.stderr


def test_invalid_settings_are_refused(recording: Path, tmp_path: Path) -> None:
    assert diagnose(recording, "--rate", -1).exit_code == 2
    assert diagnose().exit_code == 2
    result = diagnose(recording, "--assets", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


def test_physics_is_used_for_a_known_sensor(recording: Path) -> None:
    arguments = (recording, "--rate", 12000, "--json", "--diagnoser", "physics", "--rpm", 1750)
    (known,) = objects(diagnose(*arguments, "--sensor", "105/DE"))
    assert 0 <= known["by_physics"] <= 1
    (unknown,) = objects(result := diagnose(*arguments))
    assert unknown["by_physics"] == 0
    assert "there is no physical evidence for sensor 'pump'" in result.stderr


@given(st.integers(1, 40), st.randoms(use_true_random=False), st.booleans())
def test_a_summary_counts_its_windows(count: int, random: Any, physics: bool) -> None:
    rng = np.random.default_rng(random.randrange(2**32))
    probabilities: NDArray[np.float32] = rng.dirichlet(np.ones(4), count).astype(np.float32)
    flags = rng.random((count, len(QUALITY_FLAGS))) < 0.2
    evidence = PhysicsAssessment(
        sigmas=rng.random((count, 3)),
        change=rng.random(count),
        rpm=np.full(count, 1750.0),
        found_by=np.zeros(count, np.int64),
        decided=rng.random(count) < 0.5,
    )
    novelty = rng.random(count).astype(np.float32)
    assessment = Assessment(probabilities, novelty, flags, evidence if physics else None)
    whole = Assessment(probabilities[:1], novelty[:1], flags[:1])
    measured = Indicators(*rng.random((5, count)))
    of_whole = Indicators(*rng.random((5, 1)))
    diagnosis = RecordingDiagnosis("a.wav", assessment, whole, measured, of_whole)
    summary, windows = diagnosis.summary(), list(diagnosis.by_window())
    assert summary["windows"] == len(windows) == count
    for label, share in summary["shares"].items():
        assert round(share * count) == sum(window["prediction"] == label for window in windows)
    uncertain = sum(window["quality"] == "uncertain" for window in windows)
    assert round(summary["uncertain"] * count) == uncertain
    found = [flag for window in windows for flag in window["reasons"]]
    assert summary["window_reasons"] == {
        name: found.count(name) for name in QUALITY_FLAGS if name in found
    }
    assert summary["novelty"] == pytest.approx(float(novelty[0]))
    assert summary["indicators"]["rms"] == of_whole.rms[0]
    assert [window["indicators"]["kurtosis"] for window in windows] == measured.kurtosis.tolist()
    if physics:
        decided = sum(window["evidence"]["decided_by"] == "physics" for window in windows)
        assert round(summary["by_physics"] * count) == decided


def test_real_recordings(cwru_data: Path) -> None:
    """The sensor of 236.mat was really overdriven."""
    files = [cwru_data / name for name in ("105.mat", "236.mat")]
    arguments = ("--rate", 12000, "--rpm", 1797, "--sensor", "105/DE", "--json")
    fine, clipped = objects(diagnose(*files, *arguments))
    assert fine["shares"]["InnerRace"] > 0.9
    assert (fine["prediction"], fine["reasons"]) == ("InnerRace", [])
    assert "clipping" not in fine["window_reasons"]
    assert clipped["window_reasons"]["clipping"] >= 1


def test_a_wrong_speed_is_named_by_its_value() -> None:
    result = diagnose("a.wav", "--rpm", 1500, "--rpm", -5)
    assert "--rpm (BEARING_STREAM_RPM): Input should be greater than 0; got '-5'\n" in result.stderr
