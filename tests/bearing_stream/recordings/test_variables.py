"""Signals among the variables of MATLAB, HDF5 and NumPy files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from numpy.typing import NDArray

from bearing_stream.recordings import RecordingError
from bearing_stream.recordings.files import FileSignal, read_file, read_signal

N, RATE = 6000, 25_600
RANDOM = np.random.default_rng(3)
X, Y, Z = RANDOM.normal(size=(3, N))
TIMES = np.arange(N) / RATE


def samples(signal: FileSignal) -> NDArray[np.float64]:
    return np.concatenate(signal.stretches)


def objects(*values: Any) -> NDArray[Any]:
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    return cells


@pytest.fixture
def mat(tmp_path: Path) -> Callable[..., Path]:
    def written(**variables: Any) -> Path:
        scipy.io.savemat(tmp_path / "a.mat", variables)
        return tmp_path / "a.mat"

    return written


FILES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a structure with its rate": ({"bearing": {"sr": RATE, "gs": X[:, None], "rate": 25.0}}, {}),
    "a structure by its path": ({"b": {"fs": RATE, "x": X, "y": Y}}, {"channel": "b.x"}),
    "a structure by its field": ({"b": {"fs": RATE, "x": X, "y": Y}}, {"channel": "x"}),
    "a structure as the variable": ({"b": {"fs": RATE, "x": X, "y": Y}}, {"variable": "b.x"}),
    "a structure in a structure": ({"a": {"b": {"c": X}}, "fs": RATE}, {}),
    "a nearer rate": ({"a": {"x": X, "fs": RATE}, "b": {"fs": 99_000}}, {}),
    "a cell by number": ({"runs": objects(Y, X), "fs": RATE}, {"channel": "1"}),
    "a cell by its path": ({"runs": objects(Y, X), "fs": RATE}, {"channel": "runs[1]"}),
    "a cell as MATLAB names it": ({"runs": objects(Y, X), "fs": RATE}, {"channel": "runs{2}"}),
    "a matrix of columns": ({"m": np.stack([Y, X], 1), "fs": RATE}, {"channel": "1"}),
    "a matrix of rows": ({"m": np.stack([Y, X]), "fs": RATE}, {"channel": "m[1]"}),
    "a matrix in a cell": (
        {"r": objects(np.stack([Y, Z]), np.stack([X, Y])), "fs": RATE},
        {"channel": "r[1][0]"},
    ),
    "one of two variables": ({"x": X, "y": Y, "fs": RATE}, {"variable": "x"}),
    "a matrix next to another": (
        {"m": np.stack([Y, X]), "k": np.stack([Z, Y]), "fs": RATE},
        {"variable": "m", "channel": "1"},
    ),
    "a time vector": ({"t": TIMES[:, None], "x": X}, {}),
    "a time vector of another length": ({"t": TIMES[:500], "x": X, "fs": RATE}, {}),
    "a time column": ({"m": np.stack([TIMES, X], 1)}, {}),
    "a step": ({"x": X, "dt": 1 / RATE}, {}),
    "a rate in kHz by its name": ({"x": X, "fs_kHz": RATE / 1000}, {}),
    "a rate as text": ({"x": X, "fs": "25.6 kHz"}, {}),
    "facts that are short": ({"x": X, "fs": RATE, "facts": np.arange(200.0), "n": 3}, {}),
    "integers": ({"x": np.round(X * 1000).astype(np.int16), "fs": RATE}, {}),
    "a sparse column": ({"x": scipy.sparse.csc_matrix(X[:, None]), "fs": RATE}, {}),
}


@pytest.mark.parametrize("name", FILES)
def test_a_signal_of_a_matlab_file(name: str, mat: Callable[..., Path]) -> None:
    variables, choice = FILES[name]
    read = read_signal(mat(**variables), **choice)
    expected = np.round(X * 1000) if name == "integers" else X
    np.testing.assert_allclose(samples(read), expected)
    assert read.sampling_rate == RATE


def paderborn() -> dict[str, Any]:
    """The way of the files of the KAt data center: arrays of structures with names."""
    fields = [("Name", object), ("Data", object)]
    channels = [("force", Z[:400]), ("phase_current_1", Y), ("vibration_1", X)]
    axis = np.array([("HostService", TIMES)], dtype=fields)
    return {"N09_M07": {"Info": "x", "X": axis, "Y": np.array(channels, dtype=fields)}}


def test_a_channel_is_chosen_by_the_name_next_to_it(mat: Callable[..., Path]) -> None:
    path = mat(**paderborn())
    with pytest.raises(RecordingError, match=r"2 signals: 1 'N09_M07\.Y\[1\]\.Data', 2 "):
        read_signal(path)
    for channel in ["vibration_1", "2", "N09_M07.Y[2].Data", "N09_M07.Y(3).Data"]:
        read = read_signal(path, channel=channel)
        np.testing.assert_array_equal(samples(read), X)
        assert read.sampling_rate == RATE
    assert "'vibration_1'" in read.origin.signal


def test_several_signals_are_listed_without_the_times(mat: Callable[..., Path]) -> None:
    path = mat(t=TIMES, acc=np.stack([X, Y, Z], 1), Fs=RATE)
    with pytest.raises(RecordingError, match=r"3 signals: 0 'acc\[0\]', 1 'acc\[1\]', 2 'acc"):
        read_signal(path)
    with pytest.raises(RecordingError, match=r"variable t is a time axis and no signal; choose 0"):
        read_signal(path, channel="t")
    with pytest.raises(RecordingError, match=r"no variable 'speed', but acc"):
        read_signal(path, variable="speed")


def test_a_rate_that_seems_to_be_in_khz_can_be_overruled(mat: Callable[..., Path]) -> None:
    path = mat(x=X, fs=12.0)
    with pytest.raises(RecordingError, match=r"fs states .* 12 Hz, which seems .* kHz .* 12000 Hz"):
        read_signal(path)
    read = read_signal(path, sampling_rate=12_000)
    assert (read.sampling_rate, read.origin.rate_from) == (12_000, "--rate")
    assert "12 Hz" in read.origin.warnings[0]
    # 200 is possible in Hz, but the given rate shows the unit.
    assert read_signal(mat(x=X, fs=200), sampling_rate=200_000).sampling_rate == 200_000


def test_two_rates_in_a_file_must_agree(mat: Callable[..., Path]) -> None:
    path = mat(x=X, t=TIMES, Fs=12_000)
    with pytest.raises(RecordingError, match=r"Fs states .* 12000 Hz, and variable t .* 25600 Hz"):
        read_signal(path)
    assert read_signal(path, sampling_rate=RATE).sampling_rate == RATE
    with pytest.raises(RecordingError, match="--rate is 20000 Hz"):
        read_signal(path, sampling_rate=20_000)


@pytest.mark.parametrize(
    ("value", "reason"),
    [(X + 1j * Y, "complex128"), ("text", "no signal"), (np.zeros((30, 30, 30)), "30x30x30")],
)
def test_what_is_no_signal_is_described(value: Any, reason: str, mat: Callable[..., Path]) -> None:
    with pytest.raises(RecordingError, match=reason):
        read_signal(mat(x=value), sampling_rate=RATE)


def test_matlab_version_4_and_ascii(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"x": X, "fs": float(RATE)}, format="4")
    np.testing.assert_array_equal(samples(read_signal(path)), X)
    np.savetxt(path, X)
    np.testing.assert_allclose(samples(read_signal(path, sampling_rate=RATE)), X)


def matlab_73(path: Path) -> Path:
    """A file as MATLAB 7.3 saves it: a header, reversed dimensions, references, characters."""
    with h5py.File(path, "w", userblock_size=512) as file:

        def put(group: Any, name: str, value: NDArray[Any], kind: str = "double") -> Any:
            item = group.create_dataset(name, data=value)
            item.attrs["MATLAB_class"] = np.bytes_(kind)
            return item

        bearing = file.create_group("bearing")
        put(bearing, "gs", X[None])
        put(bearing, "sr", np.array([[float(RATE)]]))
        put(bearing, "note", np.array([[ord(c)] for c in "pump"], np.uint16), "char")
        put(file, "matrix", np.stack([Y, X, Z]))
        hidden = file.create_group("#refs#")
        cells = [[put(hidden, "a", Y[None]).ref], [put(hidden, "b", X[None]).ref]]
        runs = file.create_dataset("runs", data=np.array(cells, h5py.ref_dtype))
        runs.attrs["MATLAB_class"] = np.bytes_("cell")
    content = bytearray(path.read_bytes())
    content[:16] = b"MATLAB 7.3 MAT-f"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "choice",
    [
        {"channel": "bearing.gs"},
        {"variable": "matrix", "channel": "1", "sampling_rate": RATE},
        {"channel": "runs{2}", "sampling_rate": RATE},
        {"variable": "runs", "channel": "1", "sampling_rate": RATE},
    ],
)
def test_matlab_73(choice: dict[str, Any], tmp_path: Path) -> None:
    path = matlab_73(tmp_path / "a.mat")
    read = read_signal(path, **choice)
    np.testing.assert_array_equal(samples(read), X)
    assert (read.sampling_rate, read.origin.format) == (RATE, "MATLAB 7.3")
    path.write_bytes(path.read_bytes()[:60_000])
    with pytest.raises(RecordingError, match="not a complete"):
        read_signal(path, **choice)


def test_hdf5_states_rate_and_unit_in_attributes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.bin", "w") as file:
        item = file.create_dataset("sensors/acc", data=X, chunks=True, compression="gzip")
        item.attrs["fs"], item.attrs["units"] = RATE, "m/s^2"
    read = read_signal(tmp_path / "a.bin")
    np.testing.assert_array_equal(samples(read), X)
    assert (read.sampling_rate, read.origin.unit) == (RATE, "m/s2")


def test_npz(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, t=TIMES, acc=np.stack([Y, X]))
    assert read_signal(path, channel="1").sampling_rate == RATE
    np.savez(path, x=X, fs=RATE, meta=np.array({"a": 1}, dtype=object))
    np.testing.assert_array_equal(samples(read_signal(path)), X)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(RecordingError, match="not a complete"):
        read_signal(path)


ARRAYS: dict[str, NDArray[Any]] = {
    "a column of times": np.stack([TIMES, X], 1),
    "Fortran order": np.asfortranarray(np.stack([TIMES, X], 1)),
    "named fields": np.array(list(zip(TIMES, X, strict=True)), dtype=[("t", "f8"), ("a", "f8")]),
    "another byte order": np.stack([TIMES, X]).astype(">f8"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_npy(name: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ARRAYS[name])
    read = read_signal(tmp_path / "a.npy")
    np.testing.assert_array_equal(samples(read), X)
    assert read.sampling_rate == RATE


@pytest.mark.parametrize(
    ("shape", "options", "windows"),
    [
        ((20, 2048), {}, 20),
        ((2048, 20), {}, 20),
        ((100, 4096), {}, 200),
        ((4, 2048), {"windows_as_rows": True}, 4),
        ((4, 5000), {"windows_as_rows": True}, 8),
        ((4, 5000), {"channel": "3"}, 2),
        ((5, 2048, 3), {"windows_as_rows": True, "channel": "2"}, 5),
        ((5, 3, 2048), {"windows_as_rows": True, "channel": "2"}, 5),
    ],
)
def test_windows_as_rows(
    shape: tuple[int, ...], options: dict[str, Any], windows: int, tmp_path: Path
) -> None:
    values = RANDOM.normal(size=shape)
    np.save(tmp_path / "a.npy", values)
    read = read_file(tmp_path / "a.npy", sampling_rate=12_000, **options)
    assert len(read.windows()) == windows
    for window in read.windows()[:10]:
        assert np.isin(window, values).all()


def test_an_array_of_objects_is_refused_without_being_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X.astype(object))
    with pytest.raises(RecordingError, match=r"a\.npy: the array holds Python objects, .* save it"):
        read_signal(tmp_path / "a.npy", sampling_rate=12_000)


def test_few_short_rows_are_asked_about(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", RANDOM.normal(size=(4, 2048)))
    with pytest.raises(RecordingError, match=r"4 signals: 0, 1, 2, 3; .* or --windows-as-rows"):
        read_signal(tmp_path / "a.npy", sampling_rate=12_000)
    np.save(tmp_path / "a.npy", RANDOM.normal(size=(4, 1000)))
    with pytest.raises(RecordingError, match="less than one window"):
        read_file(tmp_path / "a.npy", sampling_rate=12_000, windows_as_rows=True)
