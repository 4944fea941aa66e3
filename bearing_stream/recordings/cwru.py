"""Read the CWRU recordings from a folder of the data center's own files.

Peculiarities of the files, and how they are handled:

- A variable's number is not always the file's: `3001.mat` holds `X056_DE_time`. The official
  `99.mat` also holds a copy of 98's signal. So the variable with the file's own number is read
  first, and without one the first drive-end channel.
- `3001`-`3008.mat` do not hold the shaft speed; the nominal speed replaces it.
- The healthy baselines are at 48 kHz and are resampled to 12 kHz. A network trained on both rates
  would learn to distinguish the rates instead of the bearings.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings.catalogue import CatalogueEntry, catalogue
from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.matlab import read_matlab
from bearing_stream.recordings.recording import Recording
from bearing_stream.recordings.samples import one_row, to_model_rate
from bearing_stream.vocabulary import SAMPLING_RATE

logger = logging.getLogger(__name__)

_CHANNEL = "_DE_time"
"""Ending of a drive-end accelerometer's variable."""


def present(folder: Path) -> tuple[CatalogueEntry, ...]:
    """Return the catalogue's recordings that have a file in `folder`, official or not."""
    return tuple(entry for entry in catalogue() if (folder / entry.file_name).is_file())


def load(
    folder: Path,
    entries: Iterable[CatalogueEntry] | None = None,
    strict: bool = False,
    native_rate: bool = False,
) -> Iterator[Recording]:
    """Read recordings one after the other, at 12 kHz; only one is in memory at a time.

    Args:
        folder: Holds the files by their official names.
        entries: Which ones, in which order; all 64 by default. `present(folder)` returns those
            that have a file.
        strict: Refuse a file that is not the official one; by default it is read with a warning.
        native_rate: Leave the samples at the rate at which they were recorded.

    Yields:
        Recordings in g, with `id` like `105`, `sensor` like `105/DE`, and labels.

    Raises:
        RecordingError: The folder or a file is missing, or a file cannot be read or is refused.
    """
    if not folder.is_dir():
        raise RecordingError(
            f"{folder}: expected a folder with CWRU recordings, and there is none; "
            "`bearing-stream recordings fetch` gets them"
        )
    for entry in catalogue() if entries is None else entries:
        yield read_entry(folder, entry, strict, native_rate)


def read_entry(
    folder: Path, entry: CatalogueEntry, strict: bool = False, native_rate: bool = False
) -> Recording:
    """Read one recording at 12 kHz, or at its own rate; arguments and errors as for `load`."""
    path = folder / entry.file_name
    if not path.is_file():
        raise RecordingError(
            f"{path}: no such file; `bearing-stream recordings fetch` gets what is missing"
        )
    _check_official(path, entry, strict)
    variables = read_matlab(path)
    channel = _drive_end_channel(variables, entry, path)
    samples, rate = one_row(variables[channel], f"{path}, {channel}"), entry.sampling_rate
    if not native_rate:
        samples, rate = to_model_rate(samples, rate, str(path)), SAMPLING_RATE
    return Recording(
        id=entry.id,
        sensor=f"{entry.id}/DE",
        collection="cwru",
        samples=samples,
        sampling_rate=rate,
        unit="g",
        fault=entry.fault,
        fault_diameter=entry.fault_diameter,
        outer_race_position=entry.outer_race_position,
        load=entry.load,
        rpm=_rpm(variables, channel) or entry.nominal_rpm,
    )


def sha256(path: Path) -> str:
    """Return a file's SHA-256, 64 lower-case hex digits; RecordingError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error


def _check_official(path: Path, entry: CatalogueEntry, strict: bool) -> None:
    found = sha256(path)
    if found == entry.official_sha256:
        return
    if strict:
        raise RecordingError(
            f"{path}: refused, it is not the official file: expected SHA-256 "
            f"{entry.official_sha256}, got {found}"
        )
    logger.warning("%s is not the official file: its SHA-256 is %s", path, found)


def _drive_end_channel(
    variables: dict[str, NDArray[np.generic]], entry: CatalogueEntry, path: Path
) -> str:
    own = f"X{entry.number:03d}{_CHANNEL}"
    channels = [name for name in variables if name.endswith(_CHANNEL)]
    if own in channels:
        return own
    if not channels:
        raise RecordingError(
            f"{path}: no drive-end channel: expected {own} or any other *{_CHANNEL}, "
            f"got {', '.join(variables) or 'no variable'}"
        )
    return channels[0]


def _rpm(variables: dict[str, NDArray[np.generic]], channel: str) -> float | None:
    """Return the shaft speed of the channel; None if there is no valid one."""
    value = variables.get(channel.removesuffix(_CHANNEL) + "RPM")
    if value is None or value.size != 1 or value.dtype.kind not in "iuf":
        return None
    rpm = float(value.item())
    return rpm if np.isfinite(rpm) and rpm > 0 else None
