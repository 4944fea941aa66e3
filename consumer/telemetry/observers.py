"""Follow measurements from their batch to the commit: how old they are, and which sensors send.

A batch costs a few microseconds here, and a sensor some bytes; nothing here runs for each sample.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from consumer.batch import Accepted, Partition
from consumer.metrics import Distributions

MAX_SENSORS: Final = 100_000
"""Sensors that are remembered; beyond it, the half is forgotten that was silent for longest."""

LEAST_SILENCE: Final = 10.0
"""Seconds without a message that make no sensor silent yet, however often it sends."""


class Observer(Protocol):
    """Is notified of the measurements of a consumer, in the thread of its loop."""

    def published(self, measurements: Sequence[Accepted]) -> None:
        """Note measurements whose diagnoses were published, and are not committed yet."""

    def committed(self) -> None:
        """Note that everything published is committed."""

    def given_up(self) -> None:
        """Note that everything published since the last commit is published again."""


class Ages:
    """Measures how old measurements are when their diagnoses are committed."""

    def __init__(
        self, distributions: Distributions, wall_clock: Callable[[], float] = time.time
    ) -> None:
        """Set up.

        Args:
            distributions: `latency_seconds` and `freshness_seconds` take the ages.
            wall_clock: Seconds since the epoch.
        """
        self._distributions = distributions
        self._wall_clock = wall_clock
        self._received: list[NDArray[np.float64]] = []
        self._sampled: list[NDArray[np.float64]] = []

    def published(self, measurements: Sequence[Accepted]) -> None:
        """See `Observer`."""
        received = np.array([one.timestamp for one in measurements], np.float64)
        # Kafka's timestamps are milliseconds, negative where a message has none.
        self._received.append(np.where(received < 0, np.nan, received / 1000))
        self._sampled.append(np.array([one.attributes.time.timestamp() for one in measurements]))

    def committed(self) -> None:
        """See `Observer`."""
        now = self._wall_clock()
        for found, stamps in (
            (self._distributions.latency_seconds, self._received),
            (self._distributions.freshness_seconds, self._sampled),
        ):
            if stamps:
                # Clocks differ by some milliseconds: what comes from ahead of ours is new.
                found.observe(np.maximum(now - np.concatenate(stamps), 0))
        self.given_up()

    def given_up(self) -> None:
        """See `Observer`."""
        self._received.clear()
        self._sampled.clear()


class _Sensor(NamedTuple):
    """What was seen of a sensor; times are Kafka's, in seconds since the epoch."""

    partition: Partition
    first: float
    last: float
    intervals: int


class SensorCounts(NamedTuple):
    """How many sensors send, and how many do not any more."""

    active: int
    silent: int


class SensorActivity:
    """Knows when each sensor sent, by Kafka's timestamps, and which have fallen silent.

    A sensor is silent when nothing came from it for a multiple of its own mean interval. A lag of
    this consumer makes no sensor silent: time passes in a partition as far as it was read.
    """

    def __init__(self, silent_intervals: float, most: int = MAX_SENSORS) -> None:
        """Know no sensor yet.

        Args:
            silent_intervals: The multiple.
            most: Sensors to remember.
        """
        self._silent_intervals = silent_intervals
        self._most = most
        self._sensors: dict[str, _Sensor] = {}

    def published(self, measurements: Sequence[Accepted]) -> None:
        """See `Observer`."""
        names = [one.attributes.sensor for one in measurements]
        counts = Counter(names)
        for name, latest in dict(zip(names, measurements, strict=True)).items():
            now = latest.timestamp / 1000
            partition = latest.topic, latest.partition
            known = self._sensors.get(name)
            if known is None:
                self._sensors[name] = _Sensor(partition, now, now, 0)
            elif now > known.last:
                self._sensors[name] = _Sensor(
                    partition, known.first, now, known.intervals + counts[name]
                )
        if len(self._sensors) > self._most:
            self._forget_half()

    def committed(self) -> None:
        """Do nothing: what is published was sent."""

    def given_up(self) -> None:
        """Do nothing: what is published was sent."""

    def counts(
        self, owned: Collection[Partition], lagging: Collection[Partition], now: float
    ) -> SensorCounts:
        """Count the sensors that have sent at least twice; for any thread.

        Args:
            owned: The partitions that this consumer reads; sensors elsewhere are another's.
            lagging: Those that it has not read to their end.
            now: Seconds since the epoch.
        """
        # In one step, since the loop may add sensors meanwhile.
        sensors = [one for one in list(self._sensors.values()) if one.partition in owned]
        reached: dict[Partition, float] = {}
        for one in sensors:
            reached[one.partition] = max(reached.get(one.partition, 0.0), one.last)
        silent = known = 0
        for one in sensors:
            if not one.intervals:
                continue
            known += 1
            until = reached[one.partition] if one.partition in lagging else now
            interval = (one.last - one.first) / one.intervals
            limit = max(self._silent_intervals * interval, LEAST_SILENCE)
            silent += until - one.last > limit
        return SensorCounts(known - silent, silent)

    def _forget_half(self) -> None:
        by_time = sorted(self._sensors.items(), key=lambda item: item[1].last)
        self._sensors = dict(by_time[len(by_time) // 2 :])
