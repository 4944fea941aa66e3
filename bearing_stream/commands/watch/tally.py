"""What is known of each sensor from its diagnoses, in bounded memory; no Kafka, no terminal."""

import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from bearing_stream.vocabulary import FaultLabel, QualityFlag
from bearing_stream.wire import Diagnosis

Clock = Callable[[], float]
"""Monotonic seconds."""

KEPT: Final = 256
"""Latencies remembered of a sensor: about 1 KiB, 44 s of windows in real time."""

KEPT_IN_ALL: Final = 16_384
"""Latencies remembered of all sensors together."""

RATE_MEMORY: Final = 5.0
"""Seconds over which the windows a second are averaged (time constant of the decay)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of one sensor, or of all."""

    diagnosed: int
    per_second: float
    """Diagnoses a second, as they arrive here, averaged over some seconds."""
    p50: float
    """Median of the latest total latencies, in milliseconds; NaN if there is none."""
    p99: float
    agreed: int
    """Diagnoses that name the true fault."""
    judged: int
    """Diagnoses that name a fault, of windows whose true fault is known."""


@dataclass(frozen=True, slots=True)
class SensorRow:
    """The latest diagnosis of a sensor, and its figures."""

    sensor: str
    prediction: FaultLabel | Literal["Unknown"]
    probability: float
    uncertain: bool
    """Whether there is a reason to doubt it."""
    age: float
    """Seconds since that diagnosis arrived here."""
    figures: Figures


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tally at one moment."""

    rows: list[SensorRow]
    """Damaged bearings first, then by name; no more than were asked for."""
    sensors: int
    """Sensors remembered, of which `rows` may be a part."""
    dropped: int
    """Times a sensor was dropped to make room for another."""
    uncertain: int
    """Diagnoses that there is a reason to doubt."""
    reasons: dict[QualityFlag, int]
    """Diagnoses doubted for each reason, the most frequent first; one may be for several."""
    total: Figures


class Tally:
    """Counts diagnoses by sensor.

    One thread may add while another takes snapshots.
    """

    def __init__(self, clock: Clock = time.monotonic, max_sensors: int = 10_000) -> None:
        self._clock = clock
        self._max_sensors = max_sensors
        self._sensors: OrderedDict[str, _Sensor] = OrderedDict()
        self._total = _Counts(KEPT_IN_ALL)
        self._uncertain = 0
        self._reasons: Counter[QualityFlag] = Counter()
        self._dropped = 0
        self._lock = threading.Lock()

    def add(self, diagnosis: Diagnosis) -> None:
        """Count a diagnosis that has just arrived."""
        with self._lock:
            self._add(diagnosis, self._clock())

    def snapshot(self, most: int) -> Snapshot:
        """What there is to show now, with `most` rows at most."""
        with self._lock:
            return self._snapshot(most, self._clock())

    def _add(self, diagnosis: Diagnosis, now: float) -> None:
        self._total.add(diagnosis, now)
        self._uncertain += diagnosis.quality == "uncertain"
        self._reasons.update(diagnosis.reasons)
        sensor = self._sensors.get(diagnosis.sensor)
        if sensor is None:
            if len(self._sensors) == self._max_sensors:
                self._sensors.popitem(last=False)
                self._dropped += 1
            sensor = self._sensors[diagnosis.sensor] = _Sensor(diagnosis, now)
        self._sensors.move_to_end(diagnosis.sensor)
        sensor.latest, sensor.seen = diagnosis, now
        sensor.counts.add(diagnosis, now)

    def _snapshot(self, most: int, now: float) -> Snapshot:
        first = sorted(self._sensors.items(), key=_damaged_first)[:most]
        rows = [
            SensorRow(
                sensor=name,
                prediction=sensor.latest.prediction,
                probability=sensor.latest.probability,
                uncertain=sensor.latest.quality == "uncertain",
                age=now - sensor.seen,
                figures=sensor.counts.figures(now),
            )
            for name, sensor in first
        ]
        return Snapshot(
            rows=rows,
            sensors=len(self._sensors),
            dropped=self._dropped,
            uncertain=self._uncertain,
            reasons=dict(self._reasons.most_common()),
            total=self._total.figures(now),
        )


class _Counts:
    def __init__(self, kept: int) -> None:
        self.diagnosed = self.agreed = self.judged = 0
        self._latencies = np.zeros(kept, np.float32)
        self._rate = _Rate()

    def add(self, diagnosis: Diagnosis, now: float) -> None:
        self._latencies[self.diagnosed % len(self._latencies)] = diagnosis.latency_ms.total
        self.diagnosed += 1
        if diagnosis.fault_label is not None and diagnosis.prediction != "Unknown":
            self.judged += 1
            self.agreed += diagnosis.fault_label == diagnosis.prediction
        self._rate.add(now)

    def figures(self, now: float) -> Figures:
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
        self.counts = _Counts(KEPT)


class _Rate:
    """Events a second, each event weighing less by the second (exponential decay)."""

    __slots__ = ("_begun", "_level", "_seen")

    def __init__(self) -> None:
        self._begun = self._seen = math.nan
        self._level = 0.0

    def add(self, now: float) -> None:
        if math.isnan(self._begun):
            self._begun = self._seen = now
        self._level = self._decayed(now) + 1
        self._seen = now

    def at(self, now: float) -> float:
        if math.isnan(self._begun):
            return 0.0
        # So far only this much of the decay's whole weight has had the time to fill. At least a
        # second of it, or one event would begin with an infinite rate.
        filled = 1 - math.exp(-max(now - self._begun, 1.0) / RATE_MEMORY)
        return self._decayed(now) / (RATE_MEMORY * filled)

    def _decayed(self, now: float) -> float:
        return self._level * math.exp(-(now - self._seen) / RATE_MEMORY)


def _damaged_first(item: tuple[str, _Sensor]) -> tuple[bool, str]:
    name, sensor = item
    return sensor.latest.prediction == "Normal", name
