import codecs
import io
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from bearing_stream.recordings import RecordingError
from bearing_stream.recordings.files import read_file
from bearing_stream.recordings.formats import kinds

COUNTS = np.random.default_rng(0).integers(-30_000, 30_000, 5000).astype(np.int16)


def save(path: Path) -> Path:
    """Write COUNTS in the format of the file's suffix."""
    if path.suffix == ".mat":
        scipy.io.savemat(path, {"vibration": COUNTS, "note": "abc", "speed": 1797})
    elif path.suffix == ".npy":
        np.save(path, COUNTS)
    elif path.suffix == ".csv":
        path.write_text("\n".join(map(str, COUNTS)))
    else:
        wavfile.write(path, 12_000, COUNTS)
    return path


MARKS = [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE]

BEGINNINGS = [
    b"",
    *(first for first, _ in kinds.BEGINNINGS),
    b"PK\x03\x04",
    b"RIFF\0\0\0\0WAVE",
    *MARKS,
]
"""First bytes of every format, and byte order marks."""

KINDS = pytest.mark.parametrize("kind", ["mat", "npy", "csv", "wav", "WAV"])


@KINDS
def test_each_kind_of_file_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"pump 3.{kind}"
    save(path)
    made = read_file(path, sampling_rate=12_000, fault="Ball", rpm=1500, unit="counts")
    np.testing.assert_array_equal(made.samples, COUNTS)
    assert (made.id, made.sensor, made.source) == ("pump 3", "pump 3", "/files/pump%203")
    assert (made.fault, made.rpm, made.unit) == ("Ball", 1500, "counts")
    assert read_file(path, sampling_rate=12_000, sensor="p3").window_id(0) == "p3/000000"


@pytest.mark.parametrize("kind", ["mat", "npy", "csv"])
def test_the_given_rate_is_resampled(tmp_path: Path, kind: str) -> None:
    made = read_file(save(tmp_path / f"a.{kind}"), sampling_rate=24_000)
    assert (made.samples.size, made.sampling_rate) == (2500, 12_000)


@pytest.mark.parametrize("kind", ["mat", "npy", "csv"])
def test_a_missing_rate_is_an_error_that_names_the_option(tmp_path: Path, kind: str) -> None:
    with pytest.raises(RecordingError, match="does not state its sampling rate"):
        read_file(save(tmp_path / f"a.{kind}"))


def test_a_rate_in_the_file_suffices(tmp_path: Path) -> None:
    assert read_file(save(tmp_path / "a.wav")).samples.size == 5000
    scipy.io.savemat(tmp_path / "a.mat", {"x": COUNTS, "Sampling_Rate": 24_000})
    assert read_file(tmp_path / "a.mat").samples.size == 2500


def test_a_rate_that_contradicts_the_file_is_refused_with_both(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"x": COUNTS, "fs": 24_000})
    save(tmp_path / "a.wav")
    for name, stated, rate in [("a.mat", 24_000, 12_000), ("a.wav", 12_000, 12_013)]:
        message = rf"{name}: the file states .* of {stated} Hz, and --rate is {rate} Hz"
        with pytest.raises(RecordingError, match=message):
            read_file(tmp_path / name, sampling_rate=rate)


def test_a_rate_that_agrees_with_the_file_changes_nothing(tmp_path: Path) -> None:
    made = read_file(save(tmp_path / "a.wav"), sampling_rate=12_011.9)
    np.testing.assert_array_equal(made.samples, COUNTS)


def test_an_invalid_rate_is_reported_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"a\.npy: expected a sampling rate from 100 Hz"):
        read_file(save(tmp_path / "a.npy"), sampling_rate=5)


@pytest.mark.parametrize("native", [False, True])
def test_a_rate_too_low_for_the_band_is_refused_unless_it_is_asked_for(
    tmp_path: Path, native: bool
) -> None:
    path = save(tmp_path / "a.npy")
    with pytest.raises(
        RecordingError, match=r"a\.npy: .* nothing above 2500 Hz, where faults show"
    ):
        read_file(path, sampling_rate=5000, native_rate=native)
    made = read_file(path, sampling_rate=5000, native_rate=native, lowest_rate=5000)
    assert made.samples.size == (5000 if native else 12_000)


def test_the_models_rate_as_another_clock_measures_it_is_not_too_low(tmp_path: Path) -> None:
    made = read_file(save(tmp_path / "a.npy"), sampling_rate=11_999.3)
    assert made.samples.size == pytest.approx(5000, abs=1)


def test_samples_beyond_float32_are_reported_with_the_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", COUNTS * 1e300)
    with pytest.raises(RecordingError, match=r"a\.npy, .* too large for float32"):
        read_file(tmp_path / "a.npy", sampling_rate=12_000)


def test_of_several_variables_the_drive_end_or_the_longest_or_the_named_one(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"X1_DE_time": COUNTS, "X1_FE_time": -COUNTS, "table": np.eye(90)})
    assert read_file(path, sampling_rate=12_000).samples[0] == COUNTS[0]
    assert read_file(path, sampling_rate=12_000, channel="X1_FE_time").samples[0] == -COUNTS[0]
    with pytest.raises(
        RecordingError,
        match=r"there is no signal 'z'; the file has: 0 'X1_DE_time', 1 'X1_FE_time'",
    ):
        read_file(path, sampling_rate=12_000, channel="z")
    scipy.io.savemat(path, {"short": COUNTS[:9], "long": COUNTS})
    assert read_file(path, sampling_rate=12_000).samples.size == 5000
    scipy.io.savemat(path, {"x": COUNTS, "y": COUNTS})
    with pytest.raises(RecordingError, match="2 signals: 0 'x', 1 'y'; choose one with --channel"):
        read_file(path, sampling_rate=12_000)
    scipy.io.savemat(path, {})
    with pytest.raises(RecordingError, match="no signal"):
        read_file(path, sampling_rate=12_000)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", [True, False])
def test_a_column_is_chosen_by_name_or_index(tmp_path: Path, delimiter: str, header: bool) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{-value}{delimiter}{value}" for value in COUNTS]
    path.write_text("\n".join([f"vel{delimiter} acc"] * header + rows) + "\n\n", "utf-8-sig")
    for channel in ["1", "acc"] if header else ["1"]:
        made = read_file(path, sampling_rate=12_000, channel=channel)
        np.testing.assert_array_equal(made.samples, COUNTS)
    for wrong in [None, "2", "-1", "speed"]:
        with pytest.raises(RecordingError, match="0 'vel', 1 'acc'" if header else "0, 1"):
            read_file(path, sampling_rate=12_000, channel=wrong)


@pytest.mark.parametrize("kind", ["npy", "wav"])
def test_a_channel_is_chosen_by_index(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    stereo = np.stack([COUNTS, -COUNTS - 1], axis=1)
    np.save(path, stereo) if kind == "npy" else wavfile.write(path, 12_000, stereo)
    assert read_file(path, sampling_rate=12_000, channel="1").samples[0] == -COUNTS[0] - 1
    for wrong in [None, "2", "left"]:
        with pytest.raises(RecordingError, match="0, 1"):
            read_file(path, sampling_rate=12_000, channel=wrong)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("acceleration\n", "expected columns of numbers, got 'acceleration'"),
        ("acceleration\n1\ntwo\n", "two"),
        ("1\nnan\n3\n", "not finite"),
        ("1\n\n3\n", "line 2: empty"),
        ("1\n2\n3\n", "less than one window"),
    ],
)
def test_the_defect_of_a_csv_is_reported(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(RecordingError, match=rf"a\.csv.*{reason}"):
        read_file(tmp_path / "a.csv", sampling_rate=12_000)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("text", ["", "\x85\xa0\u2028", "\n" * 400])
def test_a_file_without_text_is_empty_in_any_encoding(
    tmp_path: Path, mark: bytes, text: str
) -> None:
    encoding = {2: "utf-16", 3: "utf-8", 4: "utf-32"}[len(mark)]
    order = "" if len(mark) == 3 else "-be" if mark == codecs.BOM_UTF16_BE else "-le"
    (tmp_path / "a.csv").write_bytes(mark + text.encode(encoding + order))
    with pytest.raises(RecordingError, match=r"a\.csv: the file is empty"):
        read_file(tmp_path / "a.csv", sampling_rate=12_000)


def test_a_table_may_end_with_any_number_of_empty_lines(tmp_path: Path) -> None:
    lines = [f"{count}" for count in COUNTS] + [""] * 400
    (tmp_path / "a.csv").write_text("\n".join(lines))
    np.testing.assert_array_equal(
        read_file(tmp_path / "a.csv", sampling_rate=12_000).samples, COUNTS
    )


def test_neither_a_missing_file_nor_a_folder_reads(tmp_path: Path) -> None:
    (tmp_path / "b.npy").mkdir()
    for name, problem in [("a.npy", "no such file"), ("b.npy", "is a folder")]:
        with pytest.raises(RecordingError, match=problem):
            read_file(tmp_path / name, sampling_rate=12_000)


def test_pickled_code_is_never_run(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}] * 3000, dtype=object), allow_pickle=True)
    with pytest.raises(RecordingError, match="holds Python objects"):
        read_file(tmp_path / "a.npy", sampling_rate=12_000)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(kind=st.sampled_from(["mat", "npy"]), cut=st.integers(0, 9_999))
def test_a_truncated_file_never_reads(tmp_path: Path, kind: str, cut: int) -> None:
    path = save(tmp_path / f"a.{kind}")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(RecordingError, match=r"a\."):
        read_file(path, sampling_rate=12_000)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    kind=st.sampled_from(["mat", "npy", "csv", "wav", "txt"]),
    beginning=st.sampled_from(BEGINNINGS),
    content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)),
)
def test_no_bytes_raise_anything_else(
    tmp_path: Path, kind: str, beginning: bytes, content: bytes
) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(beginning + content)
    with pytest.raises(RecordingError, match=r"a\."):
        read_file(path, sampling_rate=12_000)


def test_a_chunk_without_samples_is_ignored(tmp_path: Path) -> None:
    stream = io.BytesIO()
    wavfile.write(stream, 12_000, COUNTS)
    (tmp_path / "a.wav").write_bytes(stream.getvalue() + b"note\x04\0\0\0abcd")
    assert read_file(tmp_path / "a.wav").samples.size == 5000
