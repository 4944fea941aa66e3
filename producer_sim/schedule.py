"""The measured time of each window, and the time to send it."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from math import inf
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from producer_sim.streams import SensorStream

PERIOD: Final = WINDOW_LENGTH / SAMPLING_RATE
"""Seconds between two windows of a sensor: 170.7 ms, as windows have neither gap nor overlap."""


class DueWindow(NamedTuple):
    """A window and its position in the stream.

    `offset` is the measured time of its first sample, in seconds since the simulation's start;
    `number` counts the windows of its sensor from 0; `samples` has shape (2048,).
    """

    offset: float
    stream: SensorStream
    number: int
    samples: NDArray[Any]


def interleave(streams: Sequence[SensorStream]) -> Iterator[DueWindow]:
    """Yield the windows of all sensors in the order of their measured time.

    The sensors start evenly spread over the first period, like independent sensors: a thousand of
    them make a steady stream, not a burst every 170.7 ms. Since all have the same period, a round
    robin yields that order. A stream that ends drops out; the others keep their times. Offsets are
    products, not running sums, so that rounding errors do not accumulate.
    """
    spacing = PERIOD / max(1, len(streams))
    running = [
        (index * spacing, stream, iter(stream.windows)) for index, stream in enumerate(streams)
    ]
    for number in count():
        unfinished = []
        for entry in running:
            first, stream, windows = entry
            samples = next(windows, None)
            if samples is not None:
                unfinished.append(entry)
                yield DueWindow(first + number * PERIOD, stream, number, samples)
        if not unfinished:
            return
        running = unfinished


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
        """Seconds until the window at `offset` is due; negative if it is late."""
        if self._speed == inf:
            return 0.0
        return self._start + offset / self._speed - self._clock()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start
