from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import scipy.io

from bearing_stream.recordings import RecordingError
from producer_sim import SensorStream, SimulatorSettings, open_streams
from producer_sim.sources import SelectionError

SIGNAL = np.random.default_rng(0).standard_normal((5000, 1))


@pytest.fixture(autouse=True)
def no_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CWRU_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings under CWRU's names: 105, an inner-race fault, and 118, a ball fault."""
    folder = tmp_path / "cwru"
    folder.mkdir()
    for number in (105, 118):
        scipy.io.savemat(folder / f"{number}.mat", {f"X{number}_DE_time": SIGNAL * number})
    return folder


@pytest.fixture
def own_files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "pump.npy", tmp_path / "fan.npy"]
    for path in paths:
        np.save(path, SIGNAL[:, 0])
    return paths


def opened(files: list[Path] | None = None, **given: Any) -> tuple[list[SensorStream], str]:
    lines: list[str] = []
    streams = open_streams(SimulatorSettings(**given), files or [], lines.append)
    line, *read = lines
    # One line more for each file, with what was read of it.
    assert len(read) == len(files or [])
    return streams, line


def sensors(streams: list[SensorStream]) -> list[str]:
    return [stream.sensor for stream in streams]


def test_without_recordings_signals_are_synthetic_and_the_line_gives_the_reason() -> None:
    streams, line = opened(sensors=8, seed=3)
    assert sensors(streams) == [f"bearing-{n:04d}" for n in range(8)]
    assert Counter(stream.fault_label for stream in streams) == {
        "Ball": 2, "InnerRace": 2, "Normal": 2, "OuterRace": 2,
    }  # fmt: skip
    assert "synthetic" in line
    assert "because there are no recordings" in line
    assert "because" not in opened(source="synthetic")[1]


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_folder_of_recordings_is_used(
    folder: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"data": folder} if by == "option" else {}
    monkeypatch.setenv("CWRU_DATA", "elsewhere" if given else str(folder))
    streams, line = opened(**given)
    assert sensors(streams) == ["105/DE", "118/DE"]
    assert [stream.count for stream in streams] == [2, 2]
    assert str(folder) in line


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"recordings": "118, 105"}, ["118/DE", "105/DE"]),
        ({"recordings": "IR007_0,105"}, ["105/DE"]),
        ({"label": "Ball"}, ["118/DE"]),
        ({"label": "Normal,Ball,InnerRace"}, ["105/DE", "118/DE"]),
    ],
)
def test_recordings_are_chosen_by_number_name_and_label(
    folder: Path, chosen: dict[str, Any], expected: list[str]
) -> None:
    assert sensors(opened(data=folder, **chosen)[0]) == expected


def test_synthetic_bearings_are_chosen_by_label() -> None:
    streams, _ = opened(source="synthetic", sensors=5, label="Normal")
    assert [stream.fault_label for stream in streams] == ["Normal"] * 5
    assert len(set(sensors(streams))) == 5


def test_own_files_come_first(
    folder: Path, own_files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWRU_DATA", str(folder))
    streams, line = opened(own_files, rate=12_000, rpm=1480)
    assert sensors(streams) == ["pump", "fan"]
    assert {(s.source, s.fault_label, s.shaft_speed, s.count) for s in streams} == {
        ("/files/pump", None, 1480, 2),
        ("/files/fan", None, 1480, 2),
    }
    assert "your own" in line


def test_each_own_file_may_have_its_own_rate_and_speed(own_files: list[Path]) -> None:
    streams, _ = opened(own_files, rate=[12_000, 24_000], rpm=[1480, 990], native_rate=True)
    assert [(stream.sampling_rate, stream.shaft_speed) for stream in streams] == [
        (12_000, 1480),
        (24_000, 990),
    ]


@pytest.mark.parametrize("given", [{"rate": [12_000] * 3}, {"rate": 12_000, "rpm": [1, 2, 3]}])
def test_as_many_rates_and_speeds_as_files_are_expected(
    own_files: list[Path], given: dict[str, Any]
) -> None:
    with pytest.raises(click.UsageError, match="or one for each of 2 files, got 3"):
        opened(own_files, **given)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"rpm": [1480, 990]}, "--rpm: expected one shaft speed, got 2"),
        ({"source": "cwru"}, "no CWRU recordings: name their folder"),
        ({"source": "files"}, "name the files"),
        ({"data": Path("missing")}, "missing: expected a folder"),
        ({"recordings": "105"}, "--recordings is for the source cwru, and this is synthetic"),
        ({"rate": 48_000}, "--rate is for the source files"),
        ({"label": "Cage"}, "no label Cage: choose from Ball, InnerRace, Normal, OuterRace"),
    ],
)
def test_a_contradiction_is_one_clear_error(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecordingError, match=reason):
        open_streams(SimulatorSettings(**given))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"recordings": "106"}, "106.mat: no such file"),
        ({"label": "Normal"}, "none matches the selection"),
        ({"strict": True}, "not the official file"),
    ],
)
def test_a_recording_that_is_missing_is_one_clear_error(
    folder: Path, given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RecordingError, match=reason):
        open_streams(SimulatorSettings(data=folder, **given))


def test_a_recording_that_is_not_in_the_catalogue_is_refused(folder: Path) -> None:
    with pytest.raises(SelectionError, match="--recordings: no recording 9999"):
        open_streams(SimulatorSettings(data=folder, recordings="105,9999"))


def test_two_files_of_one_name_are_refused(own_files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    np.save(tmp_path / "b" / "pump.npy", SIGNAL)
    with pytest.raises(RecordingError, match="several files are named pump"):
        open_streams(SimulatorSettings(rate=(12_000,)), [*own_files, tmp_path / "b" / "pump.npy"])


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize(("sample_format", "dtype"), [("float32", "<f4"), ("int16", "<i2")])
def test_all_sources_are_in_the_format_asked_for(
    folder: Path, own_files: list[Path], loop: bool, sample_format: str, dtype: str
) -> None:
    given: dict[str, Any] = {"sample_format": sample_format, "loop": loop}
    opened_streams = [
        *opened(data=folder, **given)[0],
        *opened(own_files, rate=12_000, **given)[0],
        *opened(source="synthetic", **given)[0],
    ]
    for stream in opened_streams:
        for samples in islice(stream.measurements, 2):
            assert (samples.dtype, samples.shape) == (np.dtype(dtype), (2048,))


def test_own_files_are_sent_at_their_own_rate(own_files: list[Path]) -> None:
    [stream, _], _ = opened(own_files, rate=25_600, native_rate=True)
    assert (stream.sampling_rate, stream.count) == (25_600, 1)
    [sent] = stream.measurements
    np.testing.assert_array_equal(sent, SIGNAL[: sent.size, 0].astype(np.float32))
    assert sent.size == 4367


@pytest.mark.parametrize("native_rate", [False, True])
def test_a_rate_that_the_consumer_would_refuse_is_refused(
    own_files: list[Path], native_rate: bool
) -> None:
    given = {"rate": 8000, "native_rate": native_rate}
    with pytest.raises(RecordingError, match="lower --min-sampling-rate"):
        opened(own_files, **given)
    streams, _ = opened(own_files, **given, min_sampling_rate=8000)
    assert {stream.sampling_rate for stream in streams} == {8000 if native_rate else 12_000}


def test_no_measurement_crosses_from_one_row_of_a_matrix_into_the_next(tmp_path: Path) -> None:
    rows = np.arange(3 * 5000.0).reshape(3, 5000)
    np.save(tmp_path / "rows.npy", rows)
    [stream], _ = opened([tmp_path / "rows.npy"], rate=12_000, windows_as_rows=True)
    begins = [float(sent[0]) for sent in stream.measurements]
    assert begins == [0, 2048, 5000, 7048, 10_000, 12_048]
