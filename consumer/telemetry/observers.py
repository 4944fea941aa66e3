"""Follow batches to the commit of their results: how old measurements are, and which sensors send.

A batch costs a few microseconds here, and a sensor some bytes; nothing here runs for each sample.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

import numpy as np

from bearing_stream.wire import DeadLetter
from consumer.messages import Accepted, Partition
from consumer.metrics import Distributions

MAX_SENSORS: Final = 100_000
"""Sensors that are remembered; beyond it, the half is forgotten that was silent for longest."""

MOST_AGES: Final = 32
"""Measurements of a batch whose age is measured."""

LEAST_SILENCE: Final = 10.0
"""Seconds without a message that make no sensor silent yet, however often it sends."""

_sensor_of: Final = attrgetter("attributes.sensor")


class Published(NamedTuple):
    """A batch whose results were published; valid during the call that it is passed to."""

    measurements: Sequence[Accepted]
    """Those that were diagnosed."""
    letters: Sequence[DeadLetter] = ()
    """Of the messages that were not."""
    began: float = 0.0
    """Seconds since the epoch, before it was assessed."""


class Observer(Protocol):
    """Is notified of the batches of a consumer, in the thread of its loop."""

    def published(self, batch: Published) -> None:
        """Note a batch whose results were published, and are not committed yet."""

    def committed(self) -> None:
        """Note that everything published is committed."""

    def given_up(self) -> None:
        """Note that everything published since the last commit is published again."""


class Ages:
    """Measures how old measurements are when their diagnoses are committed.

    Of a large batch it takes some, evenly, each of which counts for its neighbours.
    """

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
        self._received: list[int] = []
        self._sampled: list[float] = []
        self._weights: list[int] = []

    def published(self, batch: Published) -> None:
        """See `Observer`."""
        measurements = batch.measurements
        if not measurements:
            return
        step = -(-len(measurements) // MOST_AGES)
        taken = measurements[::step]
        self._received += [one.timestamp for one in taken]
        self._sampled += [one.attributes.time.timestamp() for one in taken]
        self._weights += [step] * (len(taken) - 1)
        self._weights.append(len(measurements) - step * (len(taken) - 1))

    def committed(self) -> None:
        """See `Observer`."""
        received = np.array(self._received, np.float64)
        # Kafka's timestamps are milliseconds, negative where a message has none.
        received = np.where(received < 0, np.nan, received / 1000)
        now = self._wall_clock()
        for found, stamps in (
            (self._distributions.latency_seconds, received),
            (self._distributions.freshness_seconds, np.array(self._sampled, np.float64)),
        ):
            # Clocks differ by some milliseconds: what comes from ahead of ours is new.
            found.observe(np.maximum(now - stamps, 0), self._weights)
        self.given_up()

    def given_up(self) -> None:
        """See `Observer`."""
        self._received.clear()
        self._sampled.clear()
        self._weights.clear()


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of each sensor, by its id; times are Kafka's, in milliseconds.

    Several dictionaries, since each is filled with a batch in one call.
    """

    partition: dict[str, int] = field(default_factory=dict)
    messages: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    """Has no sensor that the others lack, in any thread."""

    def later_half(self) -> "_Known":
        """Return what is known of the sensors that sent last."""
        kept = sorted(self.last, key=self.last.__getitem__)[len(self.last) // 2 :]
        return _Known(
            {sensor: self.partition[sensor] for sensor in kept},
            Counter({sensor: self.messages[sensor] for sensor in kept}),
            {sensor: self.first[sensor] for sensor in kept},
            {sensor: self.last[sensor] for sensor in kept},
        )

    def interval(self, sensor: str, last: int) -> float:
        """Return the mean time between messages of a sensor that sent several, in seconds."""
        return (last - self.first[sensor]) / (self.messages[sensor] - 1) / 1000


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
        self._known = _Known()

    def published(self, batch: Published) -> None:
        """See `Observer`."""
        known, measurements = self._known, batch.measurements
        sensors = list(map(_sensor_of, measurements))
        stamps = [one.timestamp for one in measurements]
        known.partition.update(zip(sensors, [one.partition for one in measurements], strict=True))
        known.messages.update(sensors)
        if len(known.first) < len(known.messages):
            for sensor, stamp in zip(sensors, stamps, strict=True):
                known.first.setdefault(sensor, stamp)
        known.last.update(zip(sensors, stamps, strict=True))
        if len(known.last) > self._most:
            self._known = known.later_half()

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
        numbers = {number for _, number in owned}
        behind = {number for _, number in lagging}
        known = self._known
        # Copied in one step, since the loop may add sensors meanwhile.
        sensors = [
            (known.partition[sensor], last / 1000, known.interval(sensor, last))
            for sensor, last in list(known.last.items())
            if known.messages[sensor] > 1 and known.partition[sensor] in numbers
        ]
        reached: dict[int, float] = {}
        for partition, last, _ in sensors:
            reached[partition] = max(reached.get(partition, 0.0), last)
        silent = sum(
            (reached[partition] if partition in behind else now) - last
            > max(self._silent_intervals * interval, LEAST_SILENCE)
            for partition, last, interval in sensors
        )
        return SensorCounts(len(sensors) - silent, silent)
