"""Read a user's own recordings, from files of any common format."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.choice import choose
from bearing_stream.recordings.formats.content import Options
from bearing_stream.recordings.formats.kinds import open_file
from bearing_stream.recordings.names import as_text
from bearing_stream.recordings.origin import Origin
from bearing_stream.recordings.rate import agreed_rate
from bearing_stream.recordings.recording import Recording
from bearing_stream.recordings.samples import one_row, to_model_rate
from bearing_stream.sampling import LOW_RATE, clipped_windows, least_length, out_of_range
from bearing_stream.vocabulary import SAMPLING_RATE, FaultLabel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class FileSignal:
    """A signal at the file's own rate.

    Args:
        stretches: float64, shape (n,) each; one window does not reach from one into the next.
        sampling_rate: Hz.
        origin: What of the file it is.
    """

    stretches: tuple[NDArray[np.float64], ...]
    sampling_rate: float
    origin: Origin


def read_file(
    path: Path,
    *,
    sampling_rate: float | None = None,
    channel: str | None = None,
    variable: str | None = None,
    sensor: str | None = None,
    fault: FaultLabel | None = None,
    rpm: float | None = None,
    unit: str = "",
    windows_as_rows: bool = False,
    decimal: str | None = None,
    native_rate: bool = False,
    lowest_rate: float = LOW_RATE,
) -> Recording:
    """Read one recording at 12 kHz, or at its own rate.

    Args:
        path: Text (CSV and its kin), `.mat`, `.npy`, `.npz`, `.wav`, HDF5, `.tdms`, Parquet or
            another audio file; the content decides, not the ending.
        sampling_rate: Hz, as `read_signal`.
        channel: As `read_signal`.
        variable: As `read_signal`.
        sensor: The sensor's id; by default the file's name without its suffix.
        fault: The true label, if known.
        rpm: Shaft speed, revolutions per minute, if known.
        unit: As `read_signal`.
        windows_as_rows: As `read_signal`.
        decimal: As `read_signal`.
        native_rate: Do not resample it; `clipped` is then not known.
        lowest_rate: Hz. A signal at a lower rate is refused, as a message is: a healthy machine
            would be called faulty.

    Raises:
        RecordingError: As `read_signal`, or the rate is too low, or the signal is shorter than one
            window.
    """
    signal = read_signal(
        path,
        sampling_rate=sampling_rate,
        channel=channel,
        variable=variable,
        unit=unit,
        windows_as_rows=windows_as_rows,
        decimal=decimal,
    )
    parts: Sequence[NDArray[np.float64]] = signal.stretches
    rate, clipped = signal.sampling_rate, None
    if why := out_of_range(rate, lowest_rate):
        raise RecordingError(f"{path}: {why}")
    if not native_rate:
        parts = [to_model_rate(part, rate, str(path)) for part in parts]
        clipped = np.concatenate([clipped_windows(part, rate) for part in signal.stretches])
        rate = SAMPLING_RATE
    samples, starts = _joined(parts, rate, path)
    return Recording(
        id=as_text(path.stem),
        sensor=sensor or as_text(path.stem),
        collection="files",
        samples=samples,
        sampling_rate=rate,
        unit=signal.origin.unit,
        fault=fault,
        rpm=rpm,
        starts=starts,
        clipped=clipped,
        origin=signal.origin,
    )


def read_signal(
    path: Path,
    *,
    sampling_rate: float | None = None,
    channel: str | None = None,
    variable: str | None = None,
    unit: str = "",
    windows_as_rows: bool = False,
    decimal: str | None = None,
) -> FileSignal:
    """Read one signal of a file at its own rate; warnings are logged too.

    Args:
        path: The file.
        sampling_rate: Hz. Required if the file states none in a header, a variable or a time axis;
            it must agree with what the file states.
        channel: Name or number of the signal, if there are several.
        variable: The variable that holds it, in formats that have variables.
        unit: Unit of the samples, which replaces the one that the file states.
        windows_as_rows: Each row of a matrix is a window of one signal.
        decimal: Decimal mark of a text file, `.` or `,`; found if None.

    Raises:
        RecordingError: The file cannot be read, states no rate or another than the one given, has
            several signals and none was chosen, or the signal is not of finite numbers in float32.
    """
    content = open_file(path, Options(windows_as_rows, decimal))
    chosen = choose(content, channel, variable, path)
    samples = chosen.read()
    rate, source, about_rate = agreed_rate(path, samples.rates, sampling_rate)
    where = f"{path}, {chosen.title}"
    values = samples.values
    if values.ndim == 2:
        stretches = tuple(one_row(row, where) for row in values)
    else:
        stretches = tuple(np.split(one_row(values, where), samples.starts))
    warnings = (*content.warnings, *samples.warnings, *about_rate)
    for warning in warnings:
        logger.warning("%s: %s", path, warning)
    origin = Origin(
        format=content.format,
        signal=chosen.title,
        samples=sum(stretch.size for stretch in stretches),
        sampling_rate=rate,
        rate_from=source,
        unit=unit or chosen.unit,
        encoding=content.encoding,
        stretches=len(stretches),
        warnings=warnings,
    )
    return FileSignal(stretches, rate, origin)


def _joined(
    parts: Sequence[NDArray[np.float64]], rate: float, path: Path
) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """The samples of all stretches of a window or more, and where stretches begin.

    Raises:
        RecordingError: There is none, or the rate is out of range.
    """
    try:
        least = least_length(rate)
    except ValueError as error:
        raise RecordingError(f"{path}: {error}") from None
    long = [part for part in parts if part.size >= least]
    if not long:
        longest = max(part.size for part in parts)
        raise RecordingError(
            f"{path}: {longest} samples at {rate:g} Hz are less than one window of {least}"
        )
    starts = np.cumsum([part.size for part in long])[:-1]
    return np.concatenate(long) if len(long) > 1 else long[0], tuple(starts.tolist())
