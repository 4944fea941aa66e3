"""From samples at any rate to windows at the model's: one filter and one cut for all parts.

Files, messages and requests all pass through these functions, so that the same samples become the
same windows, and have the same diagnosis, whichever way they arrive.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH

LOWEST_RATE: Final = 100.0
HIGHEST_RATE: Final = 10_000_000.0
"""Hz. Outside, a rate is taken for a mistake: kHz for Hz, or a period for a rate."""

LOW_RATE: Final = 0.99 * SAMPLING_RATE
"""Hz. A rate below it is a lower rate, not the model's rate measured with another clock. A signal
sampled more slowly holds nothing in the upper part of the model's band, where a fault may show."""

MAX_DENOMINATOR: Final = 10_000
"""Of a resampling ratio, which bounds the length of the filter. Every whole rate in kHz is exact,
and so are 25,600 and 51,200 Hz; of any other rate the ratio is off by at most 6e-5 of itself, as
much as the clock of a sensor is: a line at 100 Hz is found within 6 mHz."""

_HALF_LENGTH: Final = 10
"""Half the length of the filter, in samples at the lower of the two rates."""

_KAISER_BETA: Final = 5.0
"""Shape of the filter's window: a compromise between the edge's steepness and 50 dB of stop band.
Both constants are those of `scipy.signal.resample_poly`."""

_CACHED_FILTERS: Final = 16
"""Filters that are kept. The longest, of a ratio with a denominator of 10,000, has 1.6 MB."""

_CACHED_RATIOS: Final = 1024


class Windows(NamedTuple):
    """The windows of a signal.

    Args:
        samples: (k, 2048) float32 at 12 kHz, contiguous in time and without overlap.
        varying: (k,) bool, whether a window varies at all. One that does not is a flat line, which
            cannot be assessed.
    """

    samples: NDArray[np.float32]
    varying: NDArray[np.bool_]


@lru_cache(_CACHED_RATIOS)
def ratio(sampling_rate: float) -> Fraction:
    """Return 12,000 over the rate, as a ratio of integers of at most `MAX_DENOMINATOR`.

    Raises:
        ValueError: The rate is not a number from `LOWEST_RATE` to `HIGHEST_RATE`.
    """
    if not LOWEST_RATE <= sampling_rate <= HIGHEST_RATE:
        raise ValueError(
            f"expected a sampling rate from 100 Hz to 10 MHz, got {sampling_rate:.10g} Hz"
        )
    return (Fraction(SAMPLING_RATE) / Fraction(sampling_rate)).limit_denominator(MAX_DENOMINATOR)


def resampled_length(length: int, sampling_rate: float) -> int:
    """Return how many samples at 12 kHz `resample` makes of `length` samples."""
    exact = ratio(sampling_rate)
    return -(-length * exact.numerator // exact.denominator)


@lru_cache(_CACHED_RATIOS)
def least_length(sampling_rate: float) -> int:
    """Return how many samples at this rate make one window."""
    exact = ratio(sampling_rate)
    return (WINDOW_LENGTH - 1) * exact.denominator // exact.numerator + 1


def resample(samples: NDArray[Any], sampling_rate: float) -> NDArray[Any]:
    """Resample to the model's 12 kHz, without aliases and without delay.

    A polyphase zero-phase FIR filter (Kaiser, flat to about 5 kHz, 50 dB down from 7 kHz on when
    downsampling): content above the new Nyquist frequency is removed instead of folding down.

    Args:
        samples: (n,), n of at least 1, real numbers of any type, finite.
        sampling_rate: Hz.

    Returns:
        (`resampled_length`,) float64; the same array object if the rate is 12 kHz already.

    Raises:
        ValueError: The rate is out of range.
    """
    if sampling_rate == SAMPLING_RATE:
        return samples
    exact = ratio(sampling_rate)
    up, down = exact.numerator, exact.denominator
    if up == down:
        # The same rate, by another clock.
        return samples.astype(np.float64)
    # Takes a third of a second; a stream of windows at 12 kHz does without.
    from scipy.signal import resample_poly

    # The stubs of SciPy do not know that a window may be an array.
    taps: Any = _taps(up, down)
    # `mean`: the signal is padded with its own mean, so that an offset does not ring at the ends.
    resampled: NDArray[np.float64] = resample_poly(
        samples.astype(np.float64, copy=False), up, down, window=taps, padtype="mean"
    )
    return resampled


def windows(samples: NDArray[Any], sampling_rate: float) -> Windows:
    """Resample a signal and cut it into windows.

    They lie end to end from the first sample on; the rest, less than a window, is left out. That is
    the one rule for files and for messages. Every sample counts once: an overlap would give the
    middle of a measurement more weight than its ends, and cost as much again.

    Args:
        samples: (n,), real numbers of any type, finite, within float32.
        sampling_rate: Hz.

    Raises:
        ValueError: The rate is out of range.
    """
    resampled = resample(samples, sampling_rate)
    count = resampled.size // WINDOW_LENGTH
    # The filter overshoots by a little: a sample at the end of float32 becomes infinite.
    with np.errstate(over="ignore"):
        cut = resampled[: count * WINDOW_LENGTH].reshape(count, WINDOW_LENGTH).astype(np.float32)
    return Windows(cut, cut.min(axis=1) < cut.max(axis=1))


@lru_cache(_CACHED_FILTERS)
def _taps(up: int, down: int) -> NDArray[np.float64]:
    """Return the low-pass filter of a ratio, as `resample_poly` designs it at each call."""
    from scipy.signal import firwin

    slower = max(up, down)
    taps: NDArray[np.float64] = firwin(
        2 * _HALF_LENGTH * slower + 1, 1 / slower, window=("kaiser", _KAISER_BETA)
    )
    taps.setflags(write=False)
    return taps
