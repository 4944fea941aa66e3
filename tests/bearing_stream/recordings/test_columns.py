"""Parquet and TDMS files, and formats that cannot be read."""

import gzip
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from nptdms import ChannelObject, GroupObject, RootObject, TdmsWriter

from bearing_stream.recordings import RecordingError
from bearing_stream.recordings.files import read_file, read_signal

N, RATE = 6000, 25_600
X, Y = np.random.default_rng(3).normal(size=(2, N))
TIMES = np.arange(N) / RATE
STAMPS = np.datetime64("2026-01-01", "ns") + (TIMES * 1e9).round().astype("timedelta64[ns]")


def parquet(path: Path, metadata: dict[str, str] | None = None, **columns: object) -> Path:
    table = pyarrow.table(columns).replace_schema_metadata(metadata)
    pyarrow.parquet.write_table(table, path)
    return path


@pytest.mark.parametrize("axis", [STAMPS, TIMES])
def test_parquet_has_its_rate_in_a_time_column(axis: object, tmp_path: Path) -> None:
    read = read_signal(parquet(tmp_path / "a", time=axis, acc=X, note=["a"] * N))
    np.testing.assert_array_equal(read.stretches[0], X)
    assert (read.sampling_rate, read.origin.rate_from) == (RATE, "column time")


def test_parquet_has_its_rate_in_the_metadata(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a", {"sampling_rate": "25600"}, x=X.astype(np.float32), y=Y)
    with pytest.raises(RecordingError, match="2 signals: 0 'x', 1 'y'"):
        read_signal(path)
    read = read_signal(path, channel="y")
    np.testing.assert_array_equal(read.stretches[0], Y)
    assert read.sampling_rate == RATE


def test_lists_in_parquet_are_windows(tmp_path: Path) -> None:
    windows = X[:4096].reshape(2, 2048)
    path = parquet(tmp_path / "a", signal=windows.tolist(), label=[1, 2])
    read = read_file(path, sampling_rate=12_000)
    np.testing.assert_array_equal(read.windows(), windows)


def test_a_missing_value_in_parquet_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a", x=[None, *X[1:].tolist()])
    with pytest.raises(RecordingError, match="1 of 6000 samples are not finite, the first at 0"):
        read_signal(path, sampling_rate=RATE)


def tdms(path: Path) -> Path:
    with TdmsWriter(path) as writer:
        properties = {"wf_increment": 1 / RATE, "unit_string": "g"}
        writer.write_segment(
            [
                RootObject({"author": "x"}),
                GroupObject("Log", {}),
                ChannelObject("Log", "Acc.X", X, properties),
                ChannelObject("Log", "Acc.Y", Y, properties),
                ChannelObject("Log", "Note", ["a", "b"]),
            ]
        )
    return path


def test_tdms(tmp_path: Path) -> None:
    path = tdms(tmp_path / "a")
    with pytest.raises(RecordingError, match=r"2 signals: 0 'Log/Acc\.X', 1 'Log/Acc\.Y'"):
        read_signal(path)
    for channel in ["Log/Acc.Y", "Acc.Y", "1"]:
        read = read_signal(path, channel=channel)
        np.testing.assert_array_equal(read.stretches[0], Y)
        assert (read.sampling_rate, read.origin.unit) == (RATE, "g")


@pytest.mark.parametrize("write", [tdms, lambda path: parquet(path, x=X)])
@pytest.mark.parametrize("share", [0.001, 0.1, 0.6, 0.99])
def test_a_file_that_ends_early_never_reads_silently(
    write: Callable[[Path], Path], share: float, tmp_path: Path
) -> None:
    path = write(tmp_path / "a")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    try:
        read = read_signal(path, sampling_rate=RATE, channel="0")
    except RecordingError:
        return
    assert "ends early" in read.origin.warnings[0]


MODULES = {
    "h5py": b"\x89HDF\r\n\x1a\n",
    "pyarrow": b"PAR1",
    "nptdms": b"TDSm",
    "soundfile": b"fLaC",
}


@pytest.mark.parametrize("module", MODULES)
def test_a_missing_package_is_one_line_that_installs_it(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "a").write_bytes(MODULES[module])
    with pytest.raises(RecordingError) as caught:
        read_signal(tmp_path / "a")
    assert str(caught.value).endswith("pip install 'bearing-stream[files]'")
    assert f"not installed ({module})" in str(caught.value)


def test_a_format_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    contents = {
        "compressed with gzip": gzip.compress(b"1\n2\n"),
        "a pickle, which is never loaded": pickle.dumps(X),
        r"an Excel workbook \(.xls\)": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    }
    for reason, content in contents.items():
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(RecordingError, match=reason):
            read_signal(tmp_path / "a")
    for name, reason in [("xl/workbook.xml", r"\(.xlsx\)"), ("a.csv", "a ZIP archive of a.csv")]:
        with zipfile.ZipFile(tmp_path / "a", "w") as archive:
            archive.writestr(name, "1\n2\n")
        with pytest.raises(RecordingError, match=reason):
            read_signal(tmp_path / "a")
