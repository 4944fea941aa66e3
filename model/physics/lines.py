"""How far a bearing's lines stand out of an envelope spectrum, at speeds near the one stated.

Stated speeds are off, by up to 8 % in recordings of several rigs, and rolling elements slip, by up
to 4 % where nothing loads them. So each part's lines are sought at speeds around the stated one,
and a line that is further from it must stand out more. The lines of a part are multiples of one
frequency: only a comb that stands out as a whole is found.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from model.grouping import Grouping
from model.physics.bearing import BearingOrders
from model.physics.spectra import BIN, FINENESS, NARROW, STEP, WIDE, Floats, Reading

PARTS: Final = ("outer", "inner", "ball")
"""Order of the parts in arrays."""

TOLERANCE: Final = 0.01
"""Of a line's frequency: its highest point within it is the line, since speed and slip vary."""

SEARCH: Final = 0.08
"""Of the stated speed, on either side: by so much the speeds that rigs state are off."""

PENALTY: Final = 1.0
"""Height, natural logarithm of power, by which a line at the edge of the search must stand out
more than one at the stated speed; it grows with the square of the distance. Without it a wide
search finds noise; with it as wide a search costs the rigs whose speeds are right nothing."""

OUTER_SHARE: Final = 0.25
"""Share of the outer race's height that is taken from the inner race's. Three times BPFO and twice
BPFI may lie less apart than a window resolves (0.7 % on a 6205), so an outer race raises the inner
one's height. But an inner race lights BPFI less twice the shaft, which lies 0.1 to 0.2 orders from
BPFO: if all of the outer race's height is taken away, inner races are missed. A quarter is between
the best of the rigs that were compared, none and half."""

LINE_NOISE: Final = (0.22, 0.25, 0.21)
"""Standard deviations of the three heights over windows of white noise. Those of the healthy
windows of four rigs lie between 0.18 and 0.30: what a line's height varies by is the noise of a
window, whatever the machine."""

_STEPS: Final = 0.01 * np.arange(-16, 17) / 2
"""Of the stated speed: the speeds searched, half a tolerance apart."""

_POINTS: Final = ((1 + _STEPS) / STEP).astype(np.float32)
"""Points of the spectrum per Hz, at each of these speeds."""

_PENALTIES: Final = (PENALTY * np.square(_STEPS / SEARCH)).astype(np.float32)[None, :, None]

_FLOOR_BINS: Final = 10
"""Bins (59 Hz) on either side of a line whose mean is its noise floor."""

_HARMONICS: Final = {"outer": 3, "inner": 2, "ball": 2}

_LINES: Final = sum(_HARMONICS.values())

_FEWEST_STRIKES: Final = 3
"""In a window: with fewer, lines are no further apart than a window resolves."""


@dataclass(frozen=True, slots=True, eq=False)
class LineHeights:
    """The lines of each part of n measurements, at the speed near the stated where they are best.

    Args:
        heights: (n, 3), of outer race, inner race and ball above the noise floor, natural logarithm
            of power, less the penalty. Outer: mean of BPFO x 1 to 3. Inner: mean of BPFI x 1 to 2,
            less a quarter of the mean of BPFO x 1 to 2. Ball: mean of twice the ball spin x 1 to 2.
            Harmonics beyond the spectrum are left out.
        rpm: (n, 3), the speeds at which they were found.
    """

    heights: NDArray[np.float64]
    rpm: NDArray[np.float64]


def line_heights(
    envelope: Floats,
    rpm: NDArray[np.float64],
    orders: BearingOrders,
    grouping: Grouping | None = None,
    outer_share: float = OUTER_SHARE,
) -> LineHeights:
    """Measure each part's lines near the stated speeds.

    Args:
        envelope: (n, points), log envelope spectra as in `Spectra`, as far as
            `reading_for` requires.
        rpm: (m,), stated shaft speeds, revolutions a minute, within `speeds(orders)`.
        orders: Of the bearing.
        grouping: Of the windows into m measurements; None for one each. The spectra of a
            measurement are averaged before the best speed is chosen.
        outer_share: Share of the outer race's height that is taken from the inner race's.
    """
    grouping = grouping or Grouping.of(len(envelope))
    lines = np.broadcast_to(line_orders(orders), (len(rpm), _LINES))
    return heights_at(envelope, rpm, lines, grouping, outer_share)


def heights_at(
    envelope: Floats,
    rpm: NDArray[np.float64],
    orders: NDArray[np.float64],
    grouping: Grouping,
    outer_share: float,
) -> LineHeights:
    """Measure as `line_heights` does, of bearings of their own: `orders` are (m, 7)."""
    heights, found = np.empty((len(rpm), len(PARTS))), np.empty((len(rpm), len(PARTS)))
    last = (envelope.shape[1] - 1 - FINENESS * _FLOOR_BINS) * STEP
    hertz = rpm[:, None] / 60 * orders
    readable = hertz * (1 + SEARCH) <= last
    combs = _gathered(contrast(envelope), hertz, grouping)
    patterns = readable[:1] if readable.all() else np.unique(readable, axis=0)
    for pattern in patterns:
        own = (readable == pattern).all(axis=1)
        lines = combs[own].reshape(-1, len(pattern))
        scores = (lines @ _mixing(pattern, outer_share)).reshape(-1, len(_STEPS), len(PARTS))
        scores -= _PENALTIES
        best = scores.argmax(axis=1)
        heights[own] = np.take_along_axis(scores, best[:, None], axis=1)[:, 0]
        found[own] = rpm[own, None] * (1 + _STEPS[best])
    return LineHeights(heights, found)


def reading_for(orders: BearingOrders, rpm: float) -> Reading:
    """Return how far envelope spectra must be read for a bearing's lines at a speed."""
    highest = line_orders(orders).max() * rpm / 60 * (1 + SEARCH) + FINENESS * _FLOOR_BINS * STEP
    return NARROW if highest <= (NARROW.points - 1) * STEP else WIDE


def speeds(orders: BearingOrders, reading: Reading = WIDE) -> tuple[float, float]:
    """Return the slowest and the fastest shaft speed at which lines can be measured, in rpm.

    At the slowest a window holds three strikes of each part; at the fastest the first line of each
    part is at the end of the reading.
    """
    first = np.array([orders.outer, orders.inner, 2 * orders.ball_spin])
    last = (reading.points - 1 - FINENESS * _FLOOR_BINS) * STEP
    return _FEWEST_STRIKES * BIN * 60 / first.min(), last * 60 / (first.max() * (1 + SEARCH))


def line_orders(orders: BearingOrders) -> NDArray[np.float64]:
    """Return the lines that are measured (7,), in strikes a revolution of the shaft.

    BPFO x 1 to 3, BPFI x 1 to 2, twice the ball spin x 1 to 2.
    """
    parts = {"outer": orders.outer, "inner": orders.inner, "ball": 2 * orders.ball_spin}
    return np.concatenate([parts[part] * np.arange(1, n + 1) for part, n in _HARMONICS.items()])


def contrast(envelope: Floats) -> Floats:
    """Return how far the highest point within the tolerance of each point stands out.

    It is relative to the noise floor, the mean of the logarithms within ten bins of the point.

    Args:
        envelope: (n, points), log envelope spectra as in `Spectra`.
    """
    points = envelope.shape[1]
    highest = envelope.copy()
    for reach in range(1, round(TOLERANCE * (points - 1)) + 1):
        # From here on the tolerance is at least so many points.
        begin = int(np.ceil((reach - 0.5) / TOLERANCE))
        own = highest[:, begin:]
        np.maximum(own, envelope[:, begin - reach : points - reach], out=own)
        np.maximum(own[:, :-reach], envelope[:, begin + reach :], out=own[:, :-reach])
    width = 2 * FINENESS * _FLOOR_BINS + 1
    highest -= uniform_filter1d(envelope, width, axis=1, mode="mirror")
    return highest


def _gathered(contrasts: Floats, hertz: NDArray[np.float64], grouping: Grouping) -> Floats:
    """Return the contrast of each line at each speed searched (m, speeds, lines)."""
    points = hertz.astype(np.float32)[:, None, :] * _POINTS[:, None]
    nearest = np.rint(points, out=points).astype(np.intp)
    np.minimum(nearest, contrasts.shape[1] - 1, out=nearest)
    places = grouping.repeat(nearest.reshape(len(hertz), _STEPS.size * hertz.shape[1]))
    combs = grouping.mean(np.take_along_axis(contrasts, places, axis=1))
    return combs.reshape(nearest.shape)


def _mixing(readable: NDArray[np.bool_], outer_share: float) -> Floats:
    """Return the weights (7, 3) that make the heights of parts out of those of lines."""
    counts = list(_HARMONICS.values())
    edges = np.cumsum(counts)[:-1]
    outer, inner, ball = (
        np.arange(_LINES)[None] == rows[readable[rows]][:, None]
        for rows in np.split(np.arange(_LINES), edges)
    )
    weights = np.stack([outer.mean(axis=0), inner.mean(axis=0), ball.mean(axis=0)], axis=1)
    weights[:, 1] -= outer_share * outer[:2].mean(axis=0)
    return weights.astype(np.float32)
