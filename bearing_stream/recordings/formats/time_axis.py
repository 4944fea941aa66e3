"""The sampling rate that a time axis states, and where the signal is interrupted."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings.formats.content import Rate

_GAP: Final = 1.5
"""A step longer than this many typical ones is a gap, if the rest of the axis is even."""

_INTERRUPTIONS: Final = (10, 0.001)
"""Most gaps or restarts: so many, or this share of the steps. More are those of no time axis."""

_SAME_RATE: Final = 0.01
"""Relative difference up to which two stretches of an axis have the same rate."""

_STRETCH: Final = 100
"""Samples from which on the rate of a stretch is compared with that of the others."""

_HEAD: Final = 20
"""Fewest values whose even growth shows that they are an axis and not a signal."""

_EPOCHS: Final = ((1e18, 1e-9), (1e15, 1e-6), (1e12, 1e-3), (1e9, 1.0))
"""Least value of a Unix time, 2001-09-09, in a unit → that unit in seconds."""


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The rate of a time axis, and the indices at which a new stretch begins."""

    rate: Rate
    starts: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


def time_axis(times: NDArray[np.float64], source: str) -> TimeAxis:
    """Derive the sampling rate from times in seconds.

    The rate is that of the longest stretch by least squares, so that rounded times do not matter,
    and is rounded as far as the times are uncertain. Where time goes back or jumps ahead, a new
    stretch begins.

    Args:
        times: Seconds, shape (n,).
        source: Where the axis is: `column 0 'Time (s)'`.

    Returns:
        The axis; its rate has a `problem` if the times are not those of an evenly sampled signal.
    """
    if times.size < 2 or not np.isfinite(times[[0, -1]]).all() or np.isnan(times.min()):
        return _unusable(source, "has missing values")
    steps = np.diff(times)
    back = np.flatnonzero(steps < 0) + 1
    if len(back) > _most(steps.size):
        return _unusable(source, f"goes back {len(back)} times, first at sample {back[0]}")
    starts = _with_gaps(times, steps, back)
    first, last = _longest(starts, times.size)
    stretch = times[first:last]
    if not (last - first > 1 and stretch[-1] > stretch[0]):
        return _unusable(source, "does not advance")
    step, deviation = _evenness(stretch)
    if deviation > max(step, _resolution(stretch)):
        return _unusable(
            source,
            f"is uneven: its steps are {steps.min():.4g} to {steps.max():.4g} s, "
            f"{step:.4g} s in the mean",
        )
    if not _same_rate(times, starts, step):
        return _unusable(source, "changes its rate")
    duration = stretch[-1] - stretch[0]
    hz = _rounded(1 / _slope(stretch), 2 * deviation / duration)
    return TimeAxis(Rate(hz, source), tuple(starts.tolist()), _interrupted(source, times, starts))


def seconds_per_unit(first: float, unit: float | None) -> float:
    """The unit of an axis in seconds: as stated, or that of Unix time, or one second."""
    if unit is not None:
        return unit
    return next((seconds for least, seconds in _EPOCHS if least <= first < 4 * least), 1.0)


def is_even_ramp(head: NDArray[np.float64]) -> bool:
    """Whether the first values of a column grow evenly, as an axis or a counter does.

    A vibration never does: it crosses its mean.
    """
    if head.size < _HEAD or not np.isfinite(head).all():
        return False
    steps = np.diff(head)
    if not (steps.min() >= 0 and head[-1] > head[0]):
        return False
    step, deviation = _evenness(head)
    return bool(deviation <= max(0.5 * step, _resolution(head)))


def is_counter(head: NDArray[np.float64]) -> bool:
    """Whether the first values are whole numbers that grow by one."""
    return bool(head.size >= _HEAD and (np.diff(head) == 1).all() and head[0] == np.rint(head[0]))


def grows(head: NDArray[np.float64]) -> bool:
    """Whether the first values mostly go one way, as those of any time axis do."""
    steps = np.diff(head[np.isfinite(head)])
    if steps.size == 0:
        return True
    one_way = min((steps < 0).mean(), (steps > 0).mean()) <= 0.05
    return bool(one_way and (steps != 0).any())


def _unusable(source: str, problem: str) -> TimeAxis:
    return TimeAxis(Rate(np.nan, source, problem))


def _most(steps: int) -> float:
    """The most interruptions among so many steps."""
    number, share = _INTERRUPTIONS
    return max(number, share * steps)


def _with_gaps(
    times: NDArray[np.float64], steps: NDArray[np.float64], back: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The starts of stretches: where time goes back, and where an even axis jumps ahead."""
    first, last = _longest(back, times.size)
    stretch = times[first:last]
    step, deviation = _evenness(stretch) if last - first > 1 else (0.0, 0.0)
    if deviation <= step:
        return back
    typical = float(np.median(steps))
    ahead = np.flatnonzero(steps > max(_GAP * typical, typical + 2 * _resolution(stretch))) + 1
    if typical <= 0 or len(ahead) > _most(steps.size):
        return back
    return np.union1d(back, ahead)


def _longest(starts: NDArray[np.intp], size: int) -> tuple[int, int]:
    """The first and last index (exclusive) of the longest stretch."""
    edges = np.concatenate([[0], starts, [size]])
    index = int(np.diff(edges).argmax())
    return int(edges[index]), int(edges[index + 1])


def _evenness(times: NDArray[np.float64]) -> tuple[float, float]:
    """The mean step, and the largest deviation from times with that step."""
    step = (times[-1] - times[0]) / (times.size - 1)
    deviations = np.arange(times.size, dtype=np.float64)
    deviations *= -step
    deviations += times
    deviations -= times[0]
    return float(step), float(max(deviations.max(), -deviations.min()))


def _slope(times: NDArray[np.float64]) -> float:
    """The step by least squares: that of rounded times is nearer than the step between the ends."""
    numbers = np.arange(times.size, dtype=np.float64)
    numbers -= numbers.mean()
    return float(numbers @ (times - times[0]) / (numbers @ numbers))


def _resolution(times: NDArray[np.float64]) -> float:
    """The smallest difference between two times that differ."""
    steps = np.diff(times)
    return float(np.min(steps, where=steps > 0, initial=np.inf))


def _same_rate(times: NDArray[np.float64], starts: NDArray[np.intp], step: float) -> bool:
    edges = np.concatenate([[0], starts, [times.size]])
    for first, last in pairwise(edges.tolist()):
        if last - first >= _STRETCH:
            own = (times[last - 1] - times[first]) / (last - first - 1)
            if abs(own - step) > _SAME_RATE * step:
                return False
    return True


def _rounded(hz: float, uncertainty: float) -> float:
    """Round to as few digits as a relative uncertainty allows."""
    allowed = min(max(uncertainty, 1e-9), 1e-3) * hz
    digits = range(-2, 9)
    return next((r for d in digits if abs((r := round(hz, d)) - hz) <= allowed and r > 0), hz)


def _interrupted(
    source: str, times: NDArray[np.float64], starts: NDArray[np.intp]
) -> tuple[str, ...]:
    if not starts.size:
        return ()
    first = int(starts[0])
    return (
        f"{source} has {starts.size} interruption{'s' * (starts.size > 1)}, the first at sample "
        f"{first} (from {times[first - 1]:.9g} to {times[first]:.9g} s): no window crosses one",
    )
