"""Condition indicators: numbers to trend, independent of any model of the machine.

Of the acceleration x of a measurement at 12 kHz, without its mean, as monitoring has them (Randall,
*Vibration-based Condition Monitoring*, 2nd ed., Wiley 2021, chapter 5):

- RMS, the root of the mean of x²; peak, the largest |x|; crest factor, peak over RMS;
- kurtosis, the mean of x⁴ over the squared mean of x²: 3 of Gaussian noise;
- velocity RMS from 10 to 1,000 Hz in mm/s, the broad-band vibration of ISO 20816-1: in the spectrum
  acceleration is divided by 2πf. Neither zones nor an assessment by that standard are claimed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from model.assessment import PhysicsAssessment
from model.grouping import Grouping
from model.statistics import Statistics, statistics

MM_PER_S2: Final = {"g": 9806.65, "m/s2": 1000.0}
"""Unit of acceleration → in mm/s². Standard gravity is 9.80665 m/s² (CGPM, 1901)."""

LOWEST, HIGHEST = 10.0, 1000.0
"""Hz, the band of the velocity."""

LEAST_WINDOWS: Final = 3
"""Windows for which a measurement is long enough for 10 Hz: 0.512 s, five periods. In fewer,
the bin at 10 Hz holds what lies below, which integration amplifies."""

SEGMENT_WINDOWS: Final = 8
"""Windows of a spectrum at most; a longer measurement has the mean of several (Welch, 1967)."""

Floats = NDArray[np.float32]

_SMALL, _LARGE = 1e-8, 1e16
"""Squared peaks whose squares, and their sum over a window, float32 holds well: with an offset as
large as the peak that sum is 3e36. The counts of 16 and 24 bits are within."""

_MUCH: Final = 0.1
"""Squared mean over mean square from which the mean is subtracted from the samples first."""


class LineFields(TypedDict):
    """The fields of `wire.LineHeights`."""

    outer: float
    inner: float
    ball: float


class IndicatorFields(TypedDict):
    """The fields of `wire.Indicators`."""

    rms: float
    peak: float
    crest_factor: float
    kurtosis: float
    velocity_rms: float | None
    lines: LineFields | None


@dataclass(frozen=True, slots=True, eq=False)
class Indicators:
    """Condition indicators of m measurements, each (m,), finite, at least 0.

    Args:
        rms: In the unit of the samples.
        peak: In the unit of the samples.
        crest_factor: Peak over RMS.
        kurtosis: 3 of Gaussian noise.
        velocity_rms: mm/s; NaN where the unit is no acceleration or the measurement is too short.
    """

    rms: NDArray[np.float64]
    peak: NDArray[np.float64]
    crest_factor: NDArray[np.float64]
    kurtosis: NDArray[np.float64]
    velocity_rms: NDArray[np.float64]

    def fields(self, evidence: PhysicsAssessment | None = None) -> Iterator[IndicatorFields]:
        """Yield the fields for each measurement, with the lines of physical evidence."""
        lines: Iterator[Any] = repeat(None)
        if evidence is not None:
            lines = iter(evidence.sigmas.tolist())
        rows = zip(
            self.rms.tolist(),
            self.peak.tolist(),
            self.crest_factor.tolist(),
            self.kurtosis.tolist(),
            self.velocity_rms.tolist(),
            strict=True,
        )
        for (rms, peak, crest_factor, kurtosis, velocity), line in zip(rows, lines, strict=False):
            yield {
                "rms": rms,
                "peak": peak,
                "crest_factor": crest_factor,
                "kurtosis": kurtosis,
                # NaN is not equal to itself.
                "velocity_rms": velocity if velocity == velocity else None,
                "lines": _line_fields(line),
            }


def indicators(
    windows: Floats,
    counts: NDArray[np.int64] | None = None,
    units: Sequence[str | None] | None = None,
    found: Statistics | None = None,
) -> Indicators:
    """Compute the condition indicators of measurements.

    Args:
        windows: (n, 2048) at 12 kHz, finite, none flat; those of a measurement in a row.
        counts: (m,), windows of each measurement; None for one each.
        units: Of the m measurements. Give None where it is unknown, and where the windows of a
            measurement are not contiguous in time: there is then no velocity.
        found: The statistics of the windows; None to compute them.
    """
    grouping = Grouping.of(len(windows), counts)
    powers = _powers(found or statistics(windows, WINDOW_LENGTH))
    means = grouping.repeat(grouping.mean(powers[2]))
    peaks, squares, fourths = _moments(windows, means, powers)
    square, fourth = grouping.mean(squares), grouping.mean(fourths)
    peak = np.sqrt(_largest(peaks, grouping))
    rms = np.sqrt(square)
    velocity = _velocities(windows, grouping, units)
    return Indicators(rms, peak, peak / rms, fourth / np.square(square), velocity)


def _moments(
    windows: Floats, means: NDArray[np.float64], powers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the largest square, the mean square and the mean fourth power (3, n) about `means`.

    Args:
        windows: (n, 2048).
        means: (n,), of the measurements that the windows are from.
        powers: Of the windows.
    """
    found, squared_means = _about(means, powers), np.square(means)
    # The difference of large numbers: an offset is subtracted from the samples.
    offset = squared_means > _MUCH * found[1]
    if offset.any():
        centred = windows[offset] - means[offset, None].astype(np.float32)
        found[:, offset] = _about(
            np.zeros(len(centred)), _powers(statistics(centred, WINDOW_LENGTH))
        )
    # Beyond float32: its squares, or those of its squares.
    extreme = ~((found[0] > _SMALL) & (found[0] < _LARGE)) | (squared_means > _LARGE)
    if extreme.any():
        exact = np.square(windows[extreme].astype(np.float64) - means[extreme, None])
        found[:, extreme] = exact.max(axis=1), exact.mean(axis=1), np.square(exact).mean(axis=1)
    return found


def _powers(found: Statistics) -> NDArray[np.float64]:
    """Return the highest, the lowest and the means of the first four powers (6, n) of windows."""
    powers = np.empty((6, len(found.high)))
    powers[0], powers[1], powers[2:] = found.high, found.low, found.powers.T
    return powers


def _about(centre: NDArray[np.float64], powers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest square and the mean second and fourth power (3, n) about a centre (n,)."""
    highest, lowest, first, second, third, fourth = powers
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.square(np.maximum(highest - centre, centre - lowest))
        square = second - centre * (2 * first - centre)
        inner = 6 * second - centre * (4 * first - centre)
        return np.stack([largest, square, fourth - centre * (4 * third - centre * inner)])


def _largest(values: NDArray[np.float64], grouping: Grouping) -> NDArray[np.float64]:
    """Return the largest of the values (n,) of each measurement's windows."""
    if grouping.single or not len(grouping):
        return values
    largest: NDArray[np.float64] = np.maximum.reduceat(
        values, np.cumsum(grouping.counts) - grouping.counts
    )
    return largest


def _velocities(
    windows: Floats, grouping: Grouping, units: Sequence[str | None] | None
) -> NDArray[np.float64]:
    velocities = np.full(len(grouping), np.nan)
    if grouping.single or units is None:
        return velocities
    end = 0
    for index, (count, unit) in enumerate(zip(grouping.counts.tolist(), units, strict=True)):
        begin, end = end, end + count
        if count >= LEAST_WINDOWS and unit in MM_PER_S2:
            velocities[index] = MM_PER_S2[unit] * _velocity_rms(windows[begin:end])
    return velocities


def _velocity_rms(windows: Floats) -> float:
    """Return the velocity (1/s of the unit) of contiguous windows (k, 2048), k ≥ 3."""
    per_segment = min(len(windows), SEGMENT_WINDOWS)
    segments = windows[: len(windows) // per_segment * per_segment]
    segments = segments.reshape(-1, per_segment * WINDOW_LENGTH)
    peak = np.abs(segments).max()
    shape, band, weights = _integration(segments.shape[1])
    scaled = segments / peak
    scaled -= scaled.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(scaled * shape, axis=1)[:, band]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return float(peak) * float(np.sqrt((power @ weights).mean()))


@lru_cache(SEGMENT_WINDOWS)
def _integration(length: int) -> tuple[Floats, slice, NDArray[np.float64]]:
    """Return a Hann window, the bins of the band, and what a bin's power adds to the mean square.

    By Parseval's theorem the mean square of a signal is twice the sum of its bins' powers over
    `length` and over the sum of the squared window.
    """
    shape = np.hanning(length + 1)[:-1]
    frequencies = np.arange(length // 2 + 1) * SAMPLING_RATE / length
    inside = np.flatnonzero((frequencies >= LOWEST) & (frequencies <= HIGHEST))
    band = slice(int(inside[0]), int(inside[-1]) + 1)
    weights = 2 / (length * np.square(shape).sum()) / np.square(2 * np.pi * frequencies[band])
    return shape.astype(np.float32), band, weights


def _line_fields(sigmas: Sequence[float] | None) -> LineFields | None:
    """Return the heights of the lines; None without physics, or where a sensor has no baseline."""
    if sigmas is None or sigmas[0] != sigmas[0]:
        return None
    outer, inner, ball = sigmas
    return {"outer": outer, "inner": inner, "ball": ball}
