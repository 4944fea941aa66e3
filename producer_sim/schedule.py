"""The measured time of each measurement, and the time to send it."""

import time
from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from math import inf
from typing import Any, NamedTuple

from numpy.typing import NDArray

from producer_sim.streams import SensorStream


class DueMeasurement(NamedTuple):
    """A measurement and its position in the stream.

    `offset` is the measured time of its first sample, in seconds since the simulation's start;
    `number` counts the measurements of its sensor from 0; `samples` has shape (n,).
    """

    offset: float
    stream: SensorStream
    number: int
    samples: NDArray[Any]


def interleave(streams: Sequence[SensorStream]) -> Iterator[DueMeasurement]:
    """Yield the measurements of all sensors in the order of their measured time.

    The sensors start evenly spread over the first period, like independent sensors: a thousand of
    them make a steady stream, not a burst in each period. A stream that ends drops out; the others
    keep their times. Offsets are products, not running sums, so that rounding errors do not
    accumulate.
    """
    spacing = max((stream.period for stream in streams), default=0.0) / max(1, len(streams))
    sources = [iter(stream.measurements) for stream in streams]
    due = [(index * spacing, index, 0) for index in range(len(streams))]
    heapify(due)
    while due:
        offset, index, number = due[0]
        stream, samples = streams[index], next(sources[index], None)
        if samples is None:
            heappop(due)
            continue
        yield DueMeasurement(offset, stream, number, samples)
        heapreplace(due, (index * spacing + (number + 1) * stream.period, index, number + 1))


class Pace:
    """A schedule that starts at its construction; times are absolute, so that it does not drift.

    Args:
        speed: Measured seconds per second: 1 is real time, with infinity nothing waits.
        clock: Monotonic, in seconds.
    """

    def __init__(self, speed: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._speed = speed
        self._clock = clock
        self._start = clock()

    def remaining(self, offset: float) -> float:
        """Seconds until the measurement at `offset` is due; negative if it is late."""
        if self._speed == inf:
            return 0.0
        return self._start + offset / self._speed - self._clock()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start
