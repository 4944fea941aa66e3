"""How far a bearing's lines stand out of an envelope spectrum."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.physics.bearing import BearingOrders
from model.physics.spectra import BIN, FINENESS, POINTS, STEP, Floats

TOLERANCE: Final = 0.01
"""Of a line's frequency: rolling elements slip by about so much."""

_FLOOR_BINS: Final = 10
"""Bins (59 Hz) on either side of a line whose median is its noise floor."""

SEARCH: Final = 0.04
"""Of the nominal speed, on either side: an induction motor slips by less from no load to full."""

SEARCH_STEPS: Final = 7
"""Speeds searched: 1.3 % apart, since each measurement covers 1 % on either side."""

_HARMONICS: Final = {"outer": 3, "inner": 2, "ball": 2}

_LAST: Final = POINTS - 1 - FINENESS * _FLOOR_BINS
"""Point of the envelope spectrum up to which lines have a noise floor on both sides: 361 Hz."""

_FEWEST_STRIKES: Final = 3
"""In a window: with fewer, lines are no further apart than a window resolves."""


@dataclass(frozen=True, slots=True, eq=False)
class LineHeights:
    """Heights of the lines of each part above the noise floor; natural logarithm of power, (n,).

    Args:
        outer: Mean of BPFO x 1 to 3.
        inner: Mean of BPFI x 1 to 2, less the mean of BPFO x 1 to 2: three times BPFO and twice
            BPFI lie 0.7 % apart, less than a window resolves, so an inner race
            is identified by lines where the outer race has none.
        ball: Mean of twice the ball spin x 1 to 2.
    """

    outer: NDArray[np.float64]
    inner: NDArray[np.float64]
    ball: NDArray[np.float64]


def line_heights(envelope: Floats, rpm: NDArray[np.float64], orders: BearingOrders) -> LineHeights:
    """Measure each part's lines.

    Args:
        envelope: (n, 288), log envelope spectra as in `Spectra`.
        rpm: (n,), shaft speeds, revolutions a minute, within `speeds(orders)`.
        orders: Of the bearing.
    """
    heights = heights_at(envelope, rpm[:, None] / 60 * line_orders(orders))
    outer, inner, ball = np.split(heights, [3, 5], axis=1)
    return LineHeights(
        outer=outer.mean(axis=1),
        inner=inner.mean(axis=1) - outer[:, :2].mean(axis=1),
        ball=ball.mean(axis=1),
    )


def speeds(orders: BearingOrders) -> tuple[float, float]:
    """Return the slowest and the fastest shaft speed at which all lines can be measured, in rpm.

    At the slowest a window holds three strikes; at the fastest the highest line is at 361 Hz.
    """
    lines = line_orders(orders)
    return _FEWEST_STRIKES * BIN * 60 / lines.min(), _LAST * STEP * 60 / lines.max()


def line_orders(orders: BearingOrders) -> NDArray[np.float64]:
    """Return the lines that are measured (7,), in strikes a revolution of the shaft.

    BPFO x 1 to 3, BPFI x 1 to 2, twice the ball spin x 1 to 2.
    """
    parts = {"outer": orders.outer, "inner": orders.inner, "ball": 2 * orders.ball_spin}
    return np.concatenate([parts[part] * np.arange(1, n + 1) for part, n in _HARMONICS.items()])


def heights_at(envelope: Floats, hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the height (n, lines) of lines above the noise floor, natural logarithm of power.

    A line is the highest point within the tolerance, or the nearest point where none is that near.
    Its noise floor is the median of the bins around it.

    Args:
        envelope: (n, 288), log envelope spectra as in `Spectra`.
        hertz: (n, lines), expected frequencies of the lines, up to 361 Hz.
    """
    position = hertz / STEP
    nearest = np.rint(position).astype(np.int64)
    reach = np.maximum(position * TOLERANCE, 0.5)
    widest = int(np.ceil(reach.max(initial=0.5)))
    offsets = np.arange(-widest, widest + 1)
    candidates = nearest[..., None] + offsets
    inside = np.abs(candidates - position[..., None]) <= reach[..., None]
    rows = np.arange(len(envelope))[:, None, None]
    peaks = np.where(inside, envelope[rows, candidates], -np.inf).max(-1)
    around = FINENESS * np.arange(-_FLOOR_BINS, _FLOOR_BINS + 1)
    sorted_around = np.sort(envelope[rows, np.abs(nearest[..., None] + around)], axis=-1)
    heights: NDArray[np.float64] = peaks - sorted_around[..., _FLOOR_BINS].astype(np.float64)
    return heights


def search_line_heights(
    envelope: Floats, nominal_rpm: float, orders: BearingOrders
) -> tuple[LineHeights, NDArray[np.float64]]:
    """Measure each part's lines at the speed near `nominal_rpm` at which they are highest.

    Each part has its own best speed. The heights compare only with a baseline that was searched in
    the same way, since a search finds high lines by chance too.

    Args:
        envelope: (n, 288), log envelope spectra as in `Spectra`.
        nominal_rpm: Revolutions a minute.
        orders: Of the bearing.

    Returns:
        The heights, and the speeds (n,) at which the higher of the race lines was found.
    """
    grid = nominal_rpm * np.linspace(1 - SEARCH, 1 + SEARCH, SEARCH_STEPS)
    found = [line_heights(envelope, np.full(len(envelope), rpm), orders) for rpm in grid]
    outer = np.stack([heights.outer for heights in found])
    inner = np.stack([heights.inner for heights in found])
    ball = np.stack([heights.ball for heights in found])
    highest = np.maximum(outer, inner).argmax(axis=0)
    return LineHeights(outer.max(axis=0), inner.max(axis=0), ball.max(axis=0)), grid[highest]
