"""Convert the content of a file to one finite row of samples at the model's rate."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.sampling import resample
from bearing_stream.vocabulary import SAMPLING_RATE

LARGEST = 1e38
"""Largest magnitude of a sample. Windows are sent and diagnosed as float32, which ends at 3.4e38,
and resampling may overshoot by a little more than a factor of two."""


def one_row(values: ArrayLike, where: str) -> NDArray[np.float64]:
    """Convert a column, a row or integers to one finite float64 row.

    Args:
        values: Real numbers of any type, one dimension longer than 1 at the most.
        where: Their name in an error message: a file and a variable or column.

    Returns:
        Shape (n,), n of at least 1.

    Raises:
        RecordingError: Not numbers, not one row, empty, not finite, or beyond `LARGEST`.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise RecordingError(f"{where}: expected real numbers, got {array.dtype}")
    if array.size == 0 or max(array.shape, default=0) != array.size:
        raise RecordingError(f"{where}: expected one row of samples, got shape {array.shape}")
    with np.errstate(over="ignore"):
        # A number beyond float64 becomes infinite, and is reported below.
        row = np.ascontiguousarray(array.reshape(-1), dtype=np.float64)
    if np.isfinite(row.sum()) and row.min() >= -LARGEST and row.max() <= LARGEST:
        return row
    bad = np.flatnonzero(~np.isfinite(row))
    if bad.size:
        raise RecordingError(
            f"{where}: {bad.size} of {row.size} samples are not finite, the first at {bad[0]}; "
            "remove or interpolate them"
        )
    bad = np.flatnonzero(np.abs(row) > LARGEST)
    if bad.size:
        raise RecordingError(
            f"{where}: {bad.size} of {row.size} samples are too large for float32, the first, "
            f"{row[bad[0]]:g}, at {bad[0]}; scale them down, which changes no diagnosis"
        )
    return row


def to_model_rate(
    samples: NDArray[np.float64], sampling_rate: float, where: str = "a recording"
) -> NDArray[np.float64]:
    """Resample to the model's 12 kHz, without aliases and without delay.

    The filter is that of `bearing_stream.sampling`, which messages pass through too.

    Args:
        samples: Shape (n,), n of at least 1.
        sampling_rate: Hz.
        where: Their name in an error.

    Returns:
        Shape (ceil(n · 12000 / rate),); the same array object if the rate is 12 kHz already.

    Raises:
        RecordingError: The rate is not a positive number, or too far from 12 kHz to resample.
    """
    if sampling_rate == SAMPLING_RATE:
        return samples
    try:
        return resample(samples, sampling_rate)
    except ValueError as error:
        raise RecordingError(f"{where}: {error}") from None
