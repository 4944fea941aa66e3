"""From samples at any rate to windows at the model's: one filter and one cut for all parts.

Files, messages and requests all pass through these functions, so that the same samples become the
same windows, and have the same diagnosis, whichever way they arrive.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

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

_SHORTEST_HOLD: Final = 8 / SAMPLING_RATE
"""Seconds. A level that is held for longer was not measured; the longest in recordings of four
rigs, at 12 to 98 kHz, is 0.2 ms."""

_LEVEL: Final = 1e-4
"""Of half the span of a window: samples within it are at the same level, to one step of 14 bits."""

_CLIPPED_MOMENTS: Final = 2
"""At the extremes of a window beyond one at each. None of 2,304 windows of three rigs, at 20 to 98
kHz, has them. Of recordings that are cut at 60 % of their peak, all windows have them in which six
samples were beyond."""

_MOST_CLIPPED: Final = 0.5
"""Share of the windows of a measurement that are clipped if it is: two samples that equal the
extremes of one window may do so by chance."""

_CACHED_FILTERS: Final = 16
"""Filters that are kept. The longest, of a ratio with a denominator of 10,000, has 1.6 MB."""

_CACHED_RATIOS: Final = 1024


class LowestRate(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """The lowest sampling rate that is read, of messages and of files."""

    min_sampling_rate: float = Field(default=LOW_RATE, ge=LOWEST_RATE, le=HIGHEST_RATE)
    """Lowest sampling rate in Hz. Below 12 kHz a measurement holds nothing in the upper part of
    the band in which faults are found."""


class Defects(NamedTuple):
    """What is wrong with the samples of a measurement, and is not seen in its windows.

    Args:
        incomplete: Some of its windows are flat lines, and are left out.
        clipped: Its samples were clipped before they were resampled.
    """

    incomplete: bool = False
    clipped: bool = False


class Windows(NamedTuple):
    """The windows of a signal.

    Args:
        samples: (k, 2048) float32 at 12 kHz, contiguous in time and without overlap.
        varying: (k,) bool, whether a window varies at all. One that does not is a flat line, which
            cannot be assessed.
        clipped: (k,) bool, as `clipped_windows`.
    """

    samples: NDArray[np.float32]
    varying: NDArray[np.bool_]
    clipped: NDArray[np.bool_]

    @property
    def defects(self) -> Defects:
        """Those of the measurement."""
        return defects(self.varying, self.clipped)


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


def out_of_range(rate: float, lowest: float, highest: float = HIGHEST_RATE) -> str:
    """Return why signals at this rate are not read, and what to do; empty if they are read.

    Args:
        rate: Hz.
        lowest: Hz, `LowestRate.min_sampling_rate`.
        highest: Hz.
    """
    if lowest <= rate <= highest:
        return ""
    expected = (
        f"expected a sampling rate from {lowest:.10g} to {highest:.10g} Hz, got {rate:.10g} Hz"
    )
    if rate < lowest:
        expected += f": it holds nothing above {rate / 2:.10g} Hz, where faults show; sample faster"
        if rate >= LOWEST_RATE:
            expected += (
                f", or lower --min-sampling-rate (one window takes {least_length(rate)} samples at "
                "this rate)"
            )
    return expected


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
    Where the signal holds a level for longer than a vibration can, as a broken cable does, it still
    holds it: the filter's own ringing would make a vibration of it.

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
    for begin, end in _holds(samples, sampling_rate):
        resampled[-(-begin * up // down) : (end - 1) * up // down + 1] = samples[begin]
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
    clipped = clipped_windows(samples, sampling_rate)
    return Windows(cut, cut.min(axis=1) < cut.max(axis=1), clipped)


def clipped_windows(samples: NDArray[Any], sampling_rate: float) -> NDArray[np.bool_]:
    """Return which windows of a signal were clipped before it was resampled.

    The filter rounds off the level at which a signal is clipped, so that nothing of it is left in
    the windows. At 12 kHz the signal is not filtered, and the windows themselves show it.

    Args:
        samples: (n,), real numbers of any type, finite.
        sampling_rate: Hz.

    Returns:
        (k,), one for each of the windows that `windows` cuts: at three moments or more, each of
        1/12000 s, the signal is at the highest or the lowest level of the window, one at each not
        counted. All false at 12 kHz.

    Raises:
        ValueError: The rate is out of range.
    """
    exact = ratio(sampling_rate)
    up, down = exact.numerator, exact.denominator
    count = resampled_length(len(samples), sampling_rate) // WINDOW_LENGTH
    if up == down or not count:
        return np.zeros(count, np.bool_)
    edges = np.minimum(-(-np.arange(count + 1) * WINDOW_LENGTH * down // up), len(samples))
    begins, lengths = edges[:-1], np.diff(edges)
    signal = samples[: edges[-1]].astype(np.float64, copy=False)
    high, low = (extreme.reduceat(signal, begins) for extreme in (np.maximum, np.minimum))
    within = _LEVEL * (high / 2 - low / 2)
    moments = np.zeros(count, np.int64)
    for at in (
        signal >= np.repeat(high - within, lengths),
        signal <= np.repeat(low + within, lengths),
    ):
        distinct = np.unique(np.flatnonzero(at) * up // down)
        moments += np.bincount(distinct // WINDOW_LENGTH, minlength=count)[:count] - 1
    return np.asarray((moments >= _CLIPPED_MOMENTS) & (high > low))


def defects(varying: NDArray[np.bool_], clipped: NDArray[np.bool_]) -> Defects:
    """Return the defects of a measurement, of its windows as in `Windows`, of which some varies."""
    share = clipped[varying].mean()
    return Defects(bool(not varying.all()), bool(share >= _MOST_CLIPPED))


def _holds(samples: NDArray[Any], sampling_rate: float) -> NDArray[np.int64]:
    """Return the beginnings and ends (k, 2) of the stretches in which a signal holds its level."""
    shortest = int(_SHORTEST_HOLD * sampling_rate) + 1
    held = samples[1:] == samples[:-1]
    if not held.any():
        return np.empty((0, 2), np.int64)
    edges = np.flatnonzero(np.diff(held, prepend=False, append=False)).reshape(-1, 2)
    edges[:, 1] += 1
    return edges[np.diff(edges)[:, 0] >= shortest]


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
