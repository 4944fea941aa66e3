"""`bearing-stream diagnose`: a line or an object for each recording."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bearing_stream.commands.diagnose.command import command
from bearing_stream.commands.diagnose.recording_diagnosis import RecordingDiagnosis
from bearing_stream.recordings.files import read_file
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS
from model.assessment import Assessment, PhysicsAssessment
from model.assessor import Assessor

FIELDS = ["file", "windows", "shares", "uncertain", "reasons", "novelty", "origin"]


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
    (summary,) = objects(diagnose(recording, "--rate", 12000, "--json"))
    assert list(summary) == FIELDS
    assert (summary["file"], summary["windows"]) == (str(recording), 4)
    assert list(summary["shares"]) == list(FAULT_LABELS)
    assert sum(summary["shares"].values()) == pytest.approx(1)
    assert summary["reasons"]["clipping"] == 1
    assert summary["uncertain"] >= 0.25
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


def test_there_is_a_line_for_each_recording_or_window(recording: Path) -> None:
    header, line = diagnose(recording, "--rate", 12000).stdout.splitlines()
    assert header.split() == ["file", "windows", *FAULT_LABELS, "uncertain", "novelty", "reasons"]
    assert line.split()[:2] == [str(recording), "4"]
    assert "clipping 1" in line
    header, *lines = diagnose(recording, "--rate", 12000, "--windows").stdout.splitlines()
    assert len(lines) == 4
    assert lines[1].endswith("clipping") or "clipping," in lines[1]
    assert lines[2].split()[1:3] == ["2", "0.34"]


def test_another_sampling_rate_is_resampled(recording: Path) -> None:
    (summary,) = objects(diagnose(recording, "--rate", 24000, "--json"))
    assert summary["windows"] == 2


def test_unreadable_files_do_not_stop_it(recording: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.npy"
    np.save(short, np.arange(100.0))
    missing = tmp_path / "missing.wav"
    result = diagnose(missing, recording, short, "--rate", 12000, "--json")
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
    assert (summary["windows"], summary["reasons"]["flat-line"]) == (3, 1)
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
        rng.random((count, 3)), np.full(count, 1750.0), rng.random(count) < 0.5
    )
    novelty = rng.random(count).astype(np.float32)
    assessment = Assessment(probabilities, novelty, flags, evidence if physics else None)
    diagnosis = RecordingDiagnosis("a.wav", assessment)
    summary, windows = diagnosis.summary(), list(diagnosis.by_window())
    assert summary["windows"] == len(windows) == count
    for label, share in summary["shares"].items():
        assert round(share * count) == sum(window["prediction"] == label for window in windows)
    uncertain = sum(window["quality"] == "uncertain" for window in windows)
    assert round(summary["uncertain"] * count) == uncertain
    found = [flag for window in windows for flag in window["reasons"]]
    assert summary["reasons"] == {
        name: found.count(name) for name in QUALITY_FLAGS if name in found
    }
    assert summary["novelty"] == pytest.approx(float(np.median(novelty)))
    if physics:
        decided = sum(window["evidence"]["decided_by"] == "physics" for window in windows)
        assert round(summary["by_physics"] * count) == decided


def test_real_recordings(cwru_data: Path) -> None:
    """The sensor of 236.mat was really overdriven."""
    files = [cwru_data / name for name in ("105.mat", "236.mat")]
    fine, clipped = objects(diagnose(*files, "--rate", 12000, "--json"))
    assert fine["shares"]["InnerRace"] > 0.9
    assert "clipping" not in fine["reasons"]
    assert clipped["reasons"]["clipping"] >= 1
