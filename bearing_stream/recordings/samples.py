"""Convert the content of a file to one finite row of samples at the model's rate."""

import logging
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import resample_poly

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.vocabulary import SAMPLING_RATE

logger = logging.getLogger(__name__)

LARGEST = 1e38
"""Largest magnitude of a sample. Windows are sent and diagnosed as float32, which ends at 3.4e38,
and resampling may overshoot by a little more than a factor of two."""

_LOW_RATE = 0.99 * SAMPLING_RATE
"""Hz. A rate below it is a lower rate, not the model's rate measured with another clock."""

_MAX_DENOMINATOR = 10_000
"""Of a resampling ratio: accurate to 1e-7 for any rate from 12 kHz up."""


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

    A polyphase zero-phase FIR filter (Kaiser, flat to about 5 kHz, 50 dB down from 7 kHz on when
    downsampling): content above the new Nyquist frequency is removed instead of folding down.

    Args:
        samples: Shape (n,), n of at least 1.
        sampling_rate: Hz; its ratio to 12,000 is approximated by a ratio of small integers.
        where: Their name in an error or a warning.

    Returns:
        Shape (ceil(n · 12000 / rate),); the same array object if the rate is 12 kHz already.

    Raises:
        RecordingError: The rate is not a positive number, or too far from 12 kHz to resample.
    """
    if sampling_rate == SAMPLING_RATE:
        return samples
    if not (np.isfinite(sampling_rate) and 100 <= sampling_rate <= 10_000_000):
        raise RecordingError(
            f"{where}: expected a sampling rate from 100 Hz to 10 MHz, got {sampling_rate} Hz"
        )
    if sampling_rate < _LOW_RATE:
        logger.warning(
            "%s: at %g Hz it holds nothing above %g Hz, where a fault may show: do not rely on its "
            "diagnoses",
            where,
            sampling_rate,
            sampling_rate / 2,
        )
    ratio = (Fraction(SAMPLING_RATE) / Fraction(sampling_rate)).limit_denominator(_MAX_DENOMINATOR)
    # `mean`: the signal is padded with its own mean, so that an offset does not ring at the ends.
    resampled = resample_poly(samples, ratio.numerator, ratio.denominator, padtype="mean")
    return np.asarray(resampled, dtype=np.float64)
