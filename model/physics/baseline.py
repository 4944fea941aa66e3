"""The baseline of a machine, fitted to its healthy windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from model.physics.bearing import BearingOrders
from model.physics.gate import SHAPE_NOISE, band_shape
from model.physics.lines import (
    LINE_NOISE,
    OUTER_SHARE,
    line_heights,
    reading_for,
    speeds,
)
from model.physics.spectra import Floats, Reading, spectra

HOP: Final = WINDOW_LENGTH // 4
"""Samples from one healthy window to the next: overlap makes the deviations more precise."""

MINIMUM: Final = 8
"""Windows that a point of a baseline needs: half a second at a hop of 512 samples."""

STEADY: Final = 0.04
"""Windows whose speeds differ by less share a point: by so much an induction motor slips from no
load to full."""


FoundBy = Literal["stated", "search", "baseline"]
"""What a shaft speed is from: the measurement states it; its lines stand out at another speed
nearby; or neither, and it is that of the baseline."""

FOUND_BY: Final[tuple[FoundBy, ...]] = get_args(FoundBy)


class TooFewWindowsError(ValueError):
    """A speed has fewer windows than a baseline needs."""


@dataclass(frozen=True, slots=True, eq=False)
class BaselinePoint:
    """Means and standard deviations over the healthy windows at one speed.

    Args:
        rpm: Shaft speed, the median.
        slowest, fastest: Shaft speeds of the windows.
        lines, line_deviations: (3,), of the heights of lines; outer, inner, ball.
        shape, shape_deviations: (11,), of the shape of the band powers.
        windows: How many it was fitted to.
        seconds: How long a signal they cover.
    """

    rpm: float
    slowest: float
    fastest: float
    lines: NDArray[np.float64]
    line_deviations: NDArray[np.float64]
    shape: NDArray[np.float64]
    shape_deviations: NDArray[np.float64]
    windows: int
    seconds: float

    @property
    def uncertainty(self) -> float:
        """Relative standard error of the deviations, if windows without overlap are independent."""
        return 1 / sqrt(2 * max(self.seconds * SAMPLING_RATE / WINDOW_LENGTH - 1, 0.5))


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What a machine is like when it is healthy, at each of the speeds of its recordings.

    Args:
        orders: Of the bearing.
        points: At least one, from the slowest to the fastest.
        nominal_rpm: Shaft speed of windows that state none; None to take the point that is most
            like them.
    """

    orders: BearingOrders
    points: tuple[BaselinePoint, ...]
    nominal_rpm: float | None = None

    @property
    def speeds(self) -> NDArray[np.float64]:
        """The speeds of the points."""
        return np.array([point.rpm for point in self.points])

    @property
    def usual_rpm(self) -> float:
        """That of a window that states none: the nominal or only one; NaN where several may be."""
        if self.nominal_rpm is not None:
            return self.nominal_rpm
        return self.points[0].rpm if len(self.points) == 1 else np.nan

    @property
    def windows(self) -> int:
        """How many windows it was fitted to."""
        return sum(point.windows for point in self.points)

    @property
    def reading(self) -> Reading:
        """How far the envelope spectra of its windows are read."""
        return reading_for(self.orders, float(self.speeds.max()))


_LINE_TRUST: Final = 10.0
"""Independent windows that the deviations of noise count for, next to those measured. They keep a
baseline of a second, which has five, from deviations that are small by chance."""

_SHAPE_TRUST: Final = 4.0
"""The same for the shape, whose deviations differ more from machine to machine."""


def fit(
    windows: Floats,
    rpm: NDArray[np.float64],
    orders: BearingOrders,
    hop: int = HOP,
    outer_share: float = OUTER_SHARE,
) -> Baseline:
    """Fit a baseline to healthy windows, with a point for each stretch of steady speed.

    Args:
        windows: (n, 2048) float32 at 12 kHz, any unit; those of a recording in a row, overlapping.
        rpm: (n,), shaft speed of each.
        orders: Of the bearing.
        hop: Samples from one window of a recording to the next.
        outer_share: As for `line_heights`; `measure` must take the same.

    Raises:
        TooFewWindowsError: There are fewer than 8 windows at a speed.
        ValueError: The lines cannot be measured at their speeds, or the windows are all alike.
    """
    check_speeds(rpm, orders)
    stretches = list(same_speed(rpm))
    if not stretches or min(map(len, stretches)) < MINIMUM:
        fewest = min(stretches, key=len, default=np.empty(0, np.intp))
        at = f" at {np.median(rpm[fewest]):.0f} rpm" if len(stretches) > 1 else ""
        raise TooFewWindowsError(
            f"a baseline needs {MINIMUM} healthy windows at each speed, got {len(fewest)}{at}"
        )
    fastest = max(float(np.median(rpm[rows])) for rows in stretches)
    reading = reading_for(orders, fastest)
    points = [
        _point(windows[rows], rpm[rows], orders, reading, hop, outer_share) for rows in stretches
    ]
    return Baseline(orders, tuple(points))


def check_speeds(rpm: NDArray[np.float64], orders: BearingOrders) -> None:
    """Raise ValueError unless the bearing's lines can be measured at all of these speeds."""
    slowest, fastest = speeds(orders)
    wrong = rpm[~((rpm >= slowest) & (rpm <= fastest))]
    if len(wrong):
        raise ValueError(
            f"the lines of this bearing can be read from {slowest:.0f} to {fastest:.0f} rpm, got "
            f"{wrong[0]:.0f} rpm"
        )


def same_speed(rpm: NDArray[np.float64]) -> Iterator[NDArray[np.intp]]:
    """Yield the rows (k,) that share a point of a baseline, from the slowest; `rpm` is (n,)."""
    order = rpm.argsort(kind="stable")
    while len(order):
        steady = rpm[order] <= rpm[order[0]] * (1 + STEADY)
        yield np.sort(order[steady])
        order = order[~steady]


def _point(
    windows: Floats,
    rpm: NDArray[np.float64],
    orders: BearingOrders,
    reading: Reading,
    hop: int,
    outer_share: float,
) -> BaselinePoint:
    """Fit a point; raises ValueError if the windows are all alike."""
    measured = spectra(windows, reading)
    heights = line_heights(measured.envelope, rpm, orders, outer_share=outer_share).heights
    shape = band_shape(measured.bands)
    if not (heights.std(axis=0) > 0).all() or not (shape.std(axis=0) > 0).all():
        raise ValueError("a baseline needs healthy windows that differ; these are all alike")
    independent = 1 + (len(windows) - 1) * hop / WINDOW_LENGTH
    return BaselinePoint(
        rpm=float(np.median(rpm)),
        slowest=float(rpm.min()),
        fastest=float(rpm.max()),
        lines=heights.mean(axis=0),
        line_deviations=_deviations(heights, independent, np.array(LINE_NOISE), _LINE_TRUST),
        shape=shape.mean(axis=0),
        shape_deviations=_deviations(shape, independent, np.array(SHAPE_NOISE), _SHAPE_TRUST),
        windows=len(windows),
        seconds=independent * WINDOW_LENGTH / SAMPLING_RATE,
    )


def _deviations(
    values: NDArray[np.float64], independent: float, noise: NDArray[np.float64], trust: float
) -> NDArray[np.float64]:
    """Return the deviations to expect of a new window: those measured, the noise's, the mean's own.

    The variance is the posterior mean of a scaled inverse chi-squared prior of `trust` degrees of
    freedom around that of noise (Gelman et al. 2013, Bayesian Data Analysis, section 3.3), and that
    of the mean over few windows adds to it.
    """
    free = independent - 1
    variance = (trust * noise**2 + free * values.var(axis=0, ddof=1)) / (trust + free)
    deviations: NDArray[np.float64] = np.sqrt(variance * (1 + 1 / independent))
    return deviations
