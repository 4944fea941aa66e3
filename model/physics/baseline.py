"""The baseline of a machine, fitted to its healthy windows, and measurements relative to it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.grouping import Grouping
from model.physics.bearing import BearingOrders
from model.physics.gate import band_shape, distance
from model.physics.lines import SEARCH, LineHeights, line_heights, search_line_heights, speeds
from model.physics.spectra import Floats, spectra

PARTS: Final = ("outer", "inner", "ball")
"""Order of the lines in arrays."""

MINIMUM: Final = 20
"""Windows that a baseline needs: its sigmas are then good to 16 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Means and standard deviations over healthy windows.

    It must cover the speeds and loads that occur: others measure as faults.

    Args:
        orders: Of the bearing.
        nominal_rpm: Shaft speed to search around for windows without one.
        lines, line_deviations: (3,), of the line heights at known speeds, outer, inner, ball.
        searched, searched_deviations: (3,), of the highest on the grid of speeds.
        shape, shape_deviations: (11,), of the shape of the band powers.
        windows: How many it was fitted to.
    """

    orders: BearingOrders
    nominal_rpm: float
    lines: NDArray[np.float64]
    line_deviations: NDArray[np.float64]
    searched: NDArray[np.float64]
    searched_deviations: NDArray[np.float64]
    shape: NDArray[np.float64]
    shape_deviations: NDArray[np.float64]
    windows: int


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """Measurements, of one window each or of several, relative to a baseline.

    Args:
        sigmas: (n, 3), how far the lines of outer race, inner race and ball stand out, in standard
            deviations of the healthy windows. NaN where they cannot be measured at the shaft
            speed.
        distance: (n,), of the shape of the band powers from the healthy windows', in sigmas.
        rpm: (n,), shaft speed at which the lines were measured.
    """

    sigmas: NDArray[np.float64]
    distance: NDArray[np.float64]
    rpm: NDArray[np.float64]

    def select(self, rows: NDArray[np.bool_]) -> "Measurements":
        """Return the measurements of some of the windows."""
        return Measurements(self.sigmas[rows], self.distance[rows], self.rpm[rows])


def fit(windows: Floats, rpm: NDArray[np.float64], orders: BearingOrders) -> Baseline:
    """Fit a baseline to healthy windows.

    Args:
        windows: (n, 2048) float32 at 12 kHz, any unit. They may overlap; at a hop of 512 there are
            four times as many, and the sigmas are more certain.
        rpm: (n,), shaft speed of each.
        orders: Of the bearing.

    Raises:
        ValueError: There are fewer than 20 windows, the lines cannot be measured at their
            speeds, or the windows are all alike.
    """
    if len(windows) < MINIMUM:
        raise ValueError(f"a baseline needs {MINIMUM} healthy windows, got {len(windows)}")
    nominal = float(np.median(rpm))
    check_speeds(np.array([*rpm, nominal * (1 - SEARCH), nominal * (1 + SEARCH)]), orders)
    measured = spectra(windows)
    known = _stacked(line_heights(measured.envelope, rpm, orders))
    searched = _stacked(search_line_heights(measured.envelope, nominal, orders)[0])
    shape = band_shape(measured.bands)
    baseline = Baseline(
        orders=orders,
        nominal_rpm=nominal,
        lines=known.mean(axis=0),
        line_deviations=known.std(axis=0, ddof=1),
        searched=searched.mean(axis=0),
        searched_deviations=searched.std(axis=0, ddof=1),
        shape=shape.mean(axis=0),
        shape_deviations=shape.std(axis=0, ddof=1),
        windows=len(windows),
    )
    for deviations in (baseline.line_deviations, baseline.searched_deviations, shape.std(axis=0)):
        if not (deviations > 0).all():
            raise ValueError("a baseline needs healthy windows that differ; these are all alike")
    return baseline


def check_speeds(rpm: NDArray[np.float64], orders: BearingOrders) -> None:
    """Raise ValueError unless the bearing's lines can be measured at all of these speeds."""
    slowest, fastest = speeds(orders)
    wrong = rpm[~((rpm >= slowest) & (rpm <= fastest))]
    if len(wrong):
        raise ValueError(
            f"the lines of this bearing can be read from {slowest:.0f} to {fastest:.0f} rpm, and "
            f"the nominal speed must be {SEARCH:.0%} inside; got {wrong[0]:.0f} rpm"
        )


def measure(
    windows: Floats,
    rpm: NDArray[np.float64],
    baseline: Baseline,
    grouping: Grouping | None = None,
) -> Measurements:
    """Measure windows, or measurements of several windows, relative to a baseline.

    The heights of lines and the shapes are averaged over the windows of a measurement. Their
    deviations stay those of single windows: relative to the smaller deviations of the means, small
    differences that no damage makes would stand out too.

    Args:
        windows: (n, 2048) float32 at 12 kHz, any unit.
        rpm: (m,), shaft speeds; NaN where unknown: searched within 4 % of the nominal.
        baseline: Of the machine.
        grouping: Of the windows into m measurements; None for one each.

    Returns:
        Of the m measurements.
    """
    grouping = grouping or Grouping.of(len(windows))
    measured, speed = spectra(windows), grouping.repeat(rpm)
    sigmas = np.full((len(windows), len(PARTS)), np.nan)
    used = speed.copy()
    slowest, fastest = speeds(baseline.orders)
    known, unknown = (speed >= slowest) & (speed <= fastest), np.isnan(speed)
    if known.any():
        heights = _stacked(line_heights(measured.envelope[known], speed[known], baseline.orders))
        sigmas[known] = (heights - baseline.lines) / baseline.line_deviations
    if unknown.any():
        found, used[unknown] = search_line_heights(
            measured.envelope[unknown], baseline.nominal_rpm, baseline.orders
        )
        sigmas[unknown] = (_stacked(found) - baseline.searched) / baseline.searched_deviations
    shape = grouping.mean(band_shape(measured.bands))
    return Measurements(
        grouping.mean(sigmas),
        distance(shape, baseline.shape, baseline.shape_deviations),
        grouping.mean(used),
    )


def _stacked(heights: LineHeights) -> NDArray[np.float64]:
    """Return the line heights as (n, 3), in the order of `PARTS`."""
    return np.stack([heights.outer, heights.inner, heights.ball], axis=1)
