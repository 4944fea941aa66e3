import hashlib
import logging
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bearing_stream.recordings import RecordingError
from bearing_stream.recordings.catalogue import CatalogueEntry, catalogue
from bearing_stream.recordings.cwru import load, present, read_entry
from bearing_stream.recordings.fetch import verify

ENTRY = next(entry for entry in catalogue() if entry.number == 105)
SIGNAL = np.random.default_rng(0).standard_normal((3000, 1))


@pytest.fixture(scope="module")
def cwru_folder() -> Path:
    """The folder of the real recordings, for a test of their content; skips it without them."""
    folder = os.environ.get("CWRU_DATA")
    if not folder:
        pytest.skip("about the real CWRU recordings: set CWRU_DATA to a folder that has them")
    return Path(folder)


def write(folder: Path, **variables: Any) -> CatalogueEntry:
    """Write 105.mat and return an entry for which it is the official file."""
    path = folder / "105.mat"
    scipy.io.savemat(path, variables)
    return replace(ENTRY, official_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_the_catalogue_has_the_64_recordings() -> None:
    assert Counter(entry.fault for entry in catalogue()) == {
        "Normal": 4, "Ball": 16, "InnerRace": 16, "OuterRace": 28,
    }  # fmt: skip
    assert len({entry.number for entry in catalogue()}) == 64
    assert len({entry.official_sha256 for entry in catalogue()}) == 64
    for entry in catalogue():
        assert (entry.sampling_rate == 48_000) == (entry.fault == "Normal")
        assert (entry.fault_diameter is None) == (entry.fault == "Normal")
        assert (entry.outer_race_position is not None) == (entry.fault == "OuterRace")


def test_a_file_is_read_with_its_metadata(tmp_path: Path) -> None:
    entry = write(tmp_path, X105_DE_time=SIGNAL, X105_FE_time=SIGNAL * 2, X105RPM=[[1796.0]])
    recording = read_entry(tmp_path, entry, strict=True)
    np.testing.assert_array_equal(recording.samples, SIGNAL[:, 0])
    assert (recording.id, recording.sensor, recording.source) == ("105", "105/DE", "/cwru/105/DE")
    assert recording.window_id(17) == "105/DE/000017"
    assert (recording.fault, recording.fault_diameter, recording.load) == ("InnerRace", 0.007, 0)
    assert (recording.rpm, recording.unit, recording.sampling_rate) == (1796, "g", 12_000)


def test_the_files_own_number_comes_first(tmp_path: Path) -> None:
    entry = write(tmp_path, X098_DE_time=-SIGNAL, X098RPM=1.0, X105_DE_time=SIGNAL, X105RPM=1750)
    recording = read_entry(tmp_path, entry)
    np.testing.assert_array_equal(recording.samples, SIGNAL[:, 0])
    assert recording.rpm == 1750


@pytest.mark.parametrize("rpm", [{}, {"X056RPM": 0.0}, {"X056RPM": np.nan}, {"X056RPM": [1, 2]}])
def test_another_number_and_a_missing_speed_have_fallbacks(
    tmp_path: Path, rpm: dict[str, Any]
) -> None:
    recording = read_entry(tmp_path, write(tmp_path, X056_DE_time=SIGNAL, **rpm))
    np.testing.assert_array_equal(recording.samples, SIGNAL[:, 0])
    assert recording.rpm == 1797


def test_48_khz_is_resampled_to_12(tmp_path: Path) -> None:
    entry = replace(write(tmp_path, X105_DE_time=SIGNAL), sampling_rate=48_000)
    recording = read_entry(tmp_path, entry)
    assert recording.samples.size == 750
    assert recording.sampling_rate == 12_000


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"X105_FE_time": SIGNAL}, "no drive-end channel.*X105_FE_time"),
        ({}, "no drive-end channel.*no variable"),
        ({"X105_DE_time": np.full((9, 1), np.nan)}, "not finite"),
        ({"X105_DE_time": np.zeros((9, 9))}, "shape"),
        ({"X105_DE_time": np.zeros((0, 1))}, "shape"),
        ({"X105_DE_time": "text"}, "real numbers"),
    ],
)
def test_what_a_file_lacks_is_reported(
    tmp_path: Path, variables: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RecordingError, match=f"105.mat.*{reason}"):
        read_entry(tmp_path, write(tmp_path, **variables))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a MATLAB file"),
        (b"<html>not found</html>" * 100, "not a MATLAB file"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400), "version 7.3"),
        (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"\xff" * 400, "truncated or damaged"),
    ],
)
def test_a_file_that_is_not_matlab_is_reported(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "105.mat").write_bytes(content)
    with pytest.raises(RecordingError, match=reason):
        read_entry(tmp_path, ENTRY)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_truncated_file_never_reads(tmp_path: Path, data: st.DataObject) -> None:
    write(tmp_path, X105_DE_time=SIGNAL)
    path = tmp_path / "105.mat"
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(RecordingError, match=r"105\.mat"):
        read_entry(tmp_path, ENTRY)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=400))
def test_no_bytes_raise_anything_else(tmp_path: Path, content: bytes) -> None:
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    (tmp_path / "105.mat").write_bytes(header + content)
    with pytest.raises(RecordingError, match=r"105\.mat"):
        read_entry(tmp_path, ENTRY)


def test_a_file_that_is_not_official_is_read_with_a_warning_and_refused_when_strict(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, X105_DE_time=SIGNAL)
    with caplog.at_level(logging.WARNING):
        assert read_entry(tmp_path, ENTRY).samples.size == 3000
    assert "105.mat is not the official file" in caplog.text
    with pytest.raises(RecordingError, match="refused"):
        read_entry(tmp_path, ENTRY, strict=True)


def test_a_missing_folder_or_file_is_reported_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"expected a folder.*recordings fetch"):
        next(load(tmp_path / "nowhere"))
    with pytest.raises(RecordingError, match=r"97\.mat: no such file.*recordings fetch"):
        next(load(tmp_path))
    assert present(tmp_path) == ()


def test_the_real_recordings_have_the_known_number_of_windows(cwru_folder: Path) -> None:
    windows: Counter[str] = Counter()
    for recording in load(cwru_folder):
        assert 1700 < (recording.rpm or 0) < 1800
        windows[recording.fault or ""] += len(recording.windows())
    del windows["Normal"]  # how many depends on whether the baselines are whole
    assert windows == {"Ball": 943, "InnerRace": 944, "OuterRace": 1652}


def test_the_real_99_has_its_own_signal_and_not_that_of_98(cwru_folder: Path) -> None:
    entries = [entry for entry in catalogue() if entry.number in (98, 99)]
    of_98, of_99 = load(cwru_folder, entries)
    n = min(of_98.samples.size, of_99.samples.size)
    assert abs(np.corrcoef(of_98.samples[:n], of_99.samples[:n])[0, 1]) < 0.5


def test_the_real_files_are_the_official_ones(cwru_folder: Path) -> None:
    states = {v.entry.number: v.state for v in verify(cwru_folder)}
    assert all(state == "official" for number, state in states.items() if number > 100)
    assert states[97] == "official"
