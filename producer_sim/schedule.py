"""When each window was measured, and when it is to be sent."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from math import inf
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from producer_sim.streams import SensorStream

PERIOD: Final = WINDOW_LENGTH / SAMPLING_RATE
"""Seconds from one window of a sensor to its next: 170.7 ms, for windows without gap or overlap."""


class DueWindow(NamedTuple):
    """A window and its place in the stream.

    `offset` is the measured time of its first sample, in seconds since the simulation's start;
    `number` counts the windows of its sensor from 0; `samples` has shape (2048,).
    """

    offset: float
    stream: SensorStream
    number: int
    samples: NDArray[Any]


def interleave(streams: Sequence[SensorStream]) -> Iterator[DueWindow]:
    """All sensors' windows in the order of their measured time.

    Sensors start evenly spread over the first period, as sensors that know nothing of one another
    do: a thousand of them make a steady stream, not a burst every 170.7 ms. Since all have the same
    period, going round them is that order. A stream that ends drops out; the others keep their
    times. Offsets are multiplied out, never summed up, so that no error grows.
    """
    spacing = PERIOD / max(1, len(streams))
    running = [
        (place * spacing, stream, iter(stream.windows)) for place, stream in enumerate(streams)
    ]
    for number in count():
        going_on = []
        for entry in running:
            first, stream, windows = entry
            samples = next(windows, None)
            if samples is not None:
                going_on.append(entry)
                yield DueWindow(first + number * PERIOD, stream, number, samples)
        if not going_on:
            return
        running = going_on


class Pace:
    """A schedule that starts when it is made; lateness is caught up, so that it never drifts.

    Args:
        speed: Measured seconds a second: 1 is real time, infinity is never to wait.
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
