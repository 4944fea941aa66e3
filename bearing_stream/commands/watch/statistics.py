"""Statistics of diagnoses by sensor, in bounded memory; independent of Kafka and the terminal."""

import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from bearing_stream.wire import Diagnosis, Indicators

Clock = Callable[[], float]
"""Monotonic seconds."""

SENSOR_LATENCIES: Final = 256
"""Latencies kept for a sensor: about 1 KiB, 44 s of windows in real time."""

TOTAL_LATENCIES: Final = 16_384
"""Latencies kept for all sensors together."""

RATE_TIME_CONSTANT: Final = 5.0
"""Seconds over which the rate is averaged (time constant of the exponential decay)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Statistics of one sensor, or of all."""

    diagnosed: int
    per_second: float
    """Diagnoses received a second, averaged over some seconds."""
    p50: float
    """Median of the latest total latencies, in milliseconds; NaN if there is none."""
    p99: float
    agreed: int
    """Diagnoses that predict the true label."""
    judged: int
    """Diagnoses with a prediction other than `Unknown`, of windows whose true label is known."""


@dataclass(frozen=True, slots=True)
class SensorSummary:
    """The latest diagnosis of a sensor, and its figures."""

    sensor: str
    prediction: str
    probability: float
    uncertain: bool
    """Whether it has quality flags."""
    age: float
    """Seconds since that diagnosis was received."""
    unit: str
    """Unit of its samples; empty if it is not known."""
    indicators: Indicators | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The statistics at one moment."""

    rows: list[SensorSummary]
    """Damaged bearings first, then by name; at most as many as requested."""
    sensors: int
    """Sensors kept, of which `rows` may be a part."""
    dropped: int
    """Times a sensor was removed because of the limit."""
    uncertain: int
    """Diagnoses with quality flags."""
    quality_flags: dict[str, int]
    """Diagnoses by quality flag, the most frequent first; one diagnosis may have several."""
    total: Figures


class SensorStatistics:
    """Aggregates diagnoses by sensor.

    Thread-safe: one thread may add while another takes snapshots.
    """

    def __init__(self, clock: Clock = time.monotonic, max_sensors: int = 10_000) -> None:
        self._clock = clock
        self._max_sensors = max_sensors
        self._sensors: OrderedDict[str, _Sensor] = OrderedDict()
        self._total = _Counts(TOTAL_LATENCIES)
        self._uncertain = 0
        self._quality_flags: Counter[str] = Counter()
        self._dropped = 0
        self._lock = threading.Lock()

    def add(self, diagnosis: Diagnosis) -> None:
        """Add a diagnosis that has just been received."""
        with self._lock:
            self._add(diagnosis, self._clock())

    def snapshot(self, max_rows: int) -> Snapshot:
        """Return the statistics now, with at most `max_rows` rows."""
        with self._lock:
            return self._snapshot(max_rows, self._clock())

    def _add(self, diagnosis: Diagnosis, now: float) -> None:
        self._total.add(diagnosis, now)
        self._uncertain += diagnosis.quality == "uncertain"
        self._quality_flags.update(diagnosis.reasons)
        sensor = self._sensors.get(diagnosis.sensor)
        if sensor is None:
            if len(self._sensors) == self._max_sensors:
                self._sensors.popitem(last=False)
                self._dropped += 1
            sensor = self._sensors[diagnosis.sensor] = _Sensor(diagnosis, now)
        self._sensors.move_to_end(diagnosis.sensor)
        sensor.latest, sensor.seen = diagnosis, now
        sensor.counts.add(diagnosis, now)

    def _snapshot(self, max_rows: int, now: float) -> Snapshot:
        first = sorted(self._sensors.items(), key=_damaged_first)[:max_rows]
        rows = [
            SensorSummary(
                sensor=name,
                prediction=sensor.latest.prediction,
                probability=sensor.latest.probability,
                uncertain=sensor.latest.quality == "uncertain",
                age=now - sensor.seen,
                unit=sensor.latest.unit or "",
                indicators=sensor.latest.indicators,
                figures=sensor.counts.figures(now),
            )
            for name, sensor in first
        ]
        return Snapshot(
            rows=rows,
            sensors=len(self._sensors),
            dropped=self._dropped,
            uncertain=self._uncertain,
            quality_flags=dict(self._quality_flags.most_common()),
            total=self._total.figures(now),
        )


class _Counts:
    """Counts of the diagnoses of a sensor or of all, with the latest latencies."""

    def __init__(self, kept: int) -> None:
        self.diagnosed = self.agreed = self.judged = 0
        self._latencies = np.zeros(kept, np.float32)
        self._rate = _Rate()

    def add(self, diagnosis: Diagnosis, now: float) -> None:
        """Count a diagnosis that was read at `now`, in seconds."""
        self._latencies[self.diagnosed % len(self._latencies)] = diagnosis.latency_ms.total
        self.diagnosed += 1
        if diagnosis.fault_label is not None and diagnosis.prediction != "Unknown":
            self.judged += 1
            self.agreed += diagnosis.fault_label == diagnosis.prediction
        self._rate.add(now)

    def figures(self, now: float) -> Figures:
        """Return the counts and rates at `now`, in seconds."""
        latest = self._latencies[: self.diagnosed]
        p50, p99 = np.percentile(latest, (50, 99)) if latest.size else (math.nan, math.nan)
        return Figures(
            diagnosed=self.diagnosed,
            per_second=self._rate.at(now),
            p50=float(p50),
            p99=float(p99),
            agreed=self.agreed,
            judged=self.judged,
        )


class _Sensor:
    __slots__ = ("counts", "latest", "seen")

    def __init__(self, diagnosis: Diagnosis, now: float) -> None:
        self.latest = diagnosis
        self.seen = now
        self.counts = _Counts(SENSOR_LATENCIES)


class _Rate:
    """Events a second, with exponentially decaying weights."""

    __slots__ = ("_first", "_last", "_level")

    def __init__(self) -> None:
        self._first = self._last = math.nan
        self._level = 0.0

    def add(self, now: float) -> None:
        """Count an event at `now`, in seconds."""
        if math.isnan(self._first):
            self._first = self._last = now
        self._level = self._decayed(now) + 1
        self._last = now

    def at(self, now: float) -> float:
        """Return events a second at `now`; 0 before the first event."""
        if math.isnan(self._first):
            return 0.0
        # The fraction of the total weight that events since the first one can have. It counts at
        # least one second, or a single event would have an infinite rate.
        filled = 1 - math.exp(-max(now - self._first, 1.0) / RATE_TIME_CONSTANT)
        return self._decayed(now) / (RATE_TIME_CONSTANT * filled)

    def _decayed(self, now: float) -> float:
        return self._level * math.exp(-(now - self._last) / RATE_TIME_CONSTANT)


def _damaged_first(item: tuple[str, _Sensor]) -> tuple[bool, str]:
    name, sensor = item
    return sensor.latest.prediction == "Normal", name
