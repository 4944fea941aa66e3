"""Read a user's own recordings: `.mat`, `.npy`, `.csv` and `.wav`."""

import csv
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.matlab import read_matlab
from bearing_stream.recordings.recording import Recording
from bearing_stream.recordings.samples import one_row, to_model_rate
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH, FaultLabel

_RATE_VARIABLES = {"fs", "sr", "samplingrate", "samplerate", "samplingfrequency"}
"""Variables in which a MATLAB file may state its rate, in lower case without underscores."""

_RATE_TOLERANCE = 1e-3
"""Relative difference up to which the given rate and the stated rate agree."""


def read_file(
    path: Path,
    *,
    sampling_rate: float | None = None,
    channel: str | None = None,
    sensor: str | None = None,
    fault: FaultLabel | None = None,
    rpm: float | None = None,
    unit: str = "",
) -> Recording:
    """Read one recording at 12 kHz.

    Args:
        path: A file ending in `.mat`, `.npy`, `.csv` or `.wav`.
        sampling_rate: Hz. Required if the file states none: for every `.npy` and `.csv`, and for a
            `.mat` without a variable such as `fs`. It must agree with a rate that the file states.
        channel: Which signal: a variable of a `.mat`, a column's name or index (from 0) of a
            `.csv`, a channel's index of a `.wav` or of a `.npy` with several. By default the only
            one; of a `.mat`, the only `*_DE_time`, or else the single longest row of numbers.
        sensor: The sensor's id; by default the file's name without its suffix.
        fault: The true label, if known.
        rpm: Shaft speed, revolutions per minute, if known.
        unit: Unit of the samples, if known. The diagnosis does not depend on it.

    Raises:
        RecordingError: The file cannot be read, states no rate or another than the one given, has
            several channels and none was chosen, holds anything but finite numbers within float32,
            or is shorter than one window.
    """
    return Recording(
        id=as_text(path.stem),
        sensor=sensor or as_text(path.stem),
        collection="files",
        samples=_samples(path, channel, sampling_rate),
        sampling_rate=SAMPLING_RATE,
        unit=unit,
        fault=fault,
        rpm=rpm,
    )


def _samples(path: Path, channel: str | None, given_rate: float | None) -> NDArray[np.float64]:
    """The samples of the channel at 12 kHz, at least one window."""
    values, stated_rate = _read(path, channel)
    rate = _agreed_rate(path, stated_rate, given_rate)
    samples = to_model_rate(one_row(values, str(path)), rate, str(path))
    if samples.size < WINDOW_LENGTH:
        raise RecordingError(
            f"{path}: {samples.size} samples at {SAMPLING_RATE} Hz are less than one window of "
            f"{WINDOW_LENGTH}"
        )
    return samples


def _read(path: Path, channel: str | None) -> tuple[NDArray[Any], float | None]:
    """The values of the channel, and the sampling rate that the file states."""
    readers = {".mat": _read_mat, ".npy": _read_npy, ".csv": _read_csv, ".wav": _read_wav}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise RecordingError(f"{path}: expected a file ending in {', '.join(readers)}")
    if not path.is_file():
        raise RecordingError(f"{path}: no such file")
    try:
        return reader(path, channel)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from error


def _agreed_rate(path: Path, stated: float | None, given: float | None) -> float:
    """The rate that the file states, or else the given one; they must agree."""
    if stated is None:
        if given is None:
            raise RecordingError(
                f"{path}: the file does not state its sampling rate; give it in Hz with --rate"
            )
        return given
    if given is not None and not abs(given - stated) <= _RATE_TOLERANCE * abs(stated):
        raise RecordingError(
            f"{path}: the file states a sampling rate of {stated:.10g} Hz, and --rate is "
            f"{given:.10g} Hz; omit --rate, or correct the file if it is wrong"
        )
    return stated


def _read_mat(path: Path, channel: str | None) -> tuple[NDArray[Any], float | None]:
    variables = read_matlab(path)
    rate = None
    for name, value in variables.items():
        if name.lower().replace("_", "") in _RATE_VARIABLES and value.size == 1:
            rate = float(one_row(value, f"{path}, {name}")[0])
    if channel is not None and channel not in variables:
        raise RecordingError(
            f"{path}: --channel: no variable {channel!r}, but {_listed(variables)}"
        )
    return variables[channel or _main_variable(variables, path)], rate


def _main_variable(variables: dict[str, NDArray[Any]], path: Path) -> str:
    drive_end = [name for name in variables if name.endswith("_DE_time")]
    if len(drive_end) == 1:
        return drive_end[0]
    sizes = {
        name: value.size
        for name, value in variables.items()
        if value.dtype.kind in "iuf" and value.size == max(value.shape, default=0)
    }
    longest = [name for name, size in sizes.items() if size == max(sizes.values())]
    if len(longest) != 1:
        raise RecordingError(
            f"{path}: expected one longest row of numbers, got {_listed(variables)}; "
            "name one with --channel"
        )
    return longest[0]


def _read_npy(path: Path, channel: str | None) -> tuple[NDArray[Any], None]:
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise RecordingError(f"{path}: not a complete .npy file of numbers ({error})") from error
    return _of_channels(np.asarray(values), channel, path), None


def _read_wav(path: Path, channel: str | None) -> tuple[NDArray[Any], float]:
    with warnings.catch_warnings():
        # A chunk with metadata is harmless; an early end means a truncated file.
        warnings.simplefilter("ignore", wavfile.WavFileWarning)
        warnings.filterwarnings("error", "Reached EOF", wavfile.WavFileWarning)
        try:
            rate, values = wavfile.read(path)
        except Exception as error:  # scipy raises several unrelated types over a damaged file
            raise RecordingError(f"{path}: not a complete .wav file ({error})") from error
    return _of_channels(np.asarray(values), channel, path), float(rate)


def _of_channels(values: NDArray[Any], channel: str | None, path: Path) -> NDArray[Any]:
    """Select one channel of an array whose longer dimension is time."""
    if values.ndim != 2 or 1 in values.shape:
        return values
    by_channel = values if values.shape[0] < values.shape[1] else values.T
    if channel is None or not channel.isdecimal() or int(channel) >= len(by_channel):
        raise RecordingError(
            f"{path}: {len(by_channel)} channels; choose one from 0 to {len(by_channel) - 1} "
            "with --channel"
        )
    return np.asarray(by_channel[int(channel)])


def _read_csv(path: Path, channel: str | None) -> tuple[NDArray[np.float64], None]:
    try:
        lines = path.read_text("utf-8-sig").lstrip("\r\n").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path}: not a text file") from error
    if not lines:
        raise RecordingError(f"{path}: the file is empty")
    if (gap := next((n for n, line in enumerate(lines) if not line.strip()), None)) is not None:
        raise RecordingError(
            f"{path}, line {gap + 1}: empty; skipping it would shift the samples after it"
        )
    delimiter = max(",;\t", key=lines[0].count)
    first = [cell.strip() for cell in next(csv.reader([lines[0]], delimiter=delimiter))]
    header = not all(_is_number(cell) for cell in first)
    column = _csv_column(first if header else [str(i) for i in range(len(first))], channel, path)
    if not lines[header:]:
        raise RecordingError(f"{path}: the file has a header and no samples")
    try:
        values = np.loadtxt(
            lines[header:], delimiter=delimiter, usecols=column, ndmin=1, comments=None
        )
    except ValueError as error:
        raise RecordingError(f"{path}, column {first[column]}: {error}") from error
    return np.asarray(values, dtype=np.float64), None


def _csv_column(names: list[str], channel: str | None, path: Path) -> int:
    if channel is None and len(names) == 1:
        return 0
    if channel in names:
        return names.index(channel)
    if channel is not None and channel.isdecimal() and int(channel) < len(names):
        return int(channel)
    unknown = "" if channel is None else f"no column {channel!r}; "
    raise RecordingError(f"{path}: {unknown}choose one of {', '.join(names)} with --channel")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _listed(variables: dict[str, NDArray[Any]]) -> str:
    shown = (f"{name} {value.dtype}{list(value.shape)}" for name, value in variables.items())
    return ", ".join(shown) or "no variable"
