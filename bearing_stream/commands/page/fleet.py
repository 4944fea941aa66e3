"""The state of a fleet of sensors, from diagnoses, in bounded memory and without Kafka."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple

from bearing_stream.commands.page.changes import Changes, Since
from bearing_stream.commands.page.history import History, Points
from bearing_stream.commands.page.rollup import Rollup
from bearing_stream.commands.page.sensor import Row, Sensor, SensorKey, Standing
from bearing_stream.wire import Diagnosis

LEFT_OUT_FOR: Final = 3600.0
"""Seconds since its only measurement after which a sensor makes way for another, and since its last
one after which a sensor that is left out is counted no more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a fleet remembers, and when a sensor is silent: settings of `PageSettings`."""

    max_sensors: int
    history: int
    silent_after: float
    silent_minimum: float


@dataclass(frozen=True, slots=True)
class Detail:
    """A sensor in full: its row, its latest diagnosis, its history."""

    row: Row
    diagnosis: Diagnosis
    points: Points


class Update(NamedTuple):
    """What a browser that has an earlier version lacks.

    Args:
        version: That it has with this.
        rows: Sensors that are new or have changed.
        removed: Ids of sensors that are no longer there.
        groups: Prefix of the sources → counts by state; see `Rollup`.
        removed_groups: Prefixes without sensors.
    """

    version: int
    rows: list[Row]
    removed: list[int]
    groups: dict[str, dict[str, int]]
    removed_groups: list[str]


class Fleet:
    """The sensors, their history, and which of them have changed since a version.

    Its methods may be called by several threads.

    Attributes:
        dropped: Silent sensors that made way for new ones, since there were more than the maximum.
    """

    def __init__(self, limits: Limits) -> None:
        """Start without sensors."""
        self.dropped = 0
        self._limits = limits
        self._sensors: OrderedDict[SensorKey, Sensor] = OrderedDict()
        self._by_id: dict[int, Sensor] = {}
        self._left_out: dict[SensorKey, float] = {}
        self._next_id = 0
        self._changes = Changes[int]()
        self._rollup = Rollup()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sensors)

    @property
    def left_out(self) -> int:
        """Sensors that are not kept, because as many as may be send; at most the maximum."""
        return len(self._left_out)

    def add(self, diagnosis: Diagnosis, seen: float) -> None:
        """Take in a diagnosis: the latest in the topic is the state of its sensor.

        Where there are as many sensors as may be, a new one takes the place of the one that was
        seen longest ago, if that is silent. Else it is left out: were each to take the place of the
        next one to send, none would keep a history.

        Args:
            diagnosis: The next of its sensor.
            seen: When it was published, seconds since the epoch.
        """
        key = SensorKey(diagnosis.source, diagnosis.sensor, diagnosis.channel)
        with self._lock:
            sensor = self._sensors.get(key)
            before = sensor.standing() if sensor else None
            if sensor is None and not self._has_place(seen):
                if len(self._left_out) < self._limits.max_sensors or key in self._left_out:
                    self._left_out[key] = seen
                return
            if sensor is None:
                sensor = self._new(key)
            self._sensors.move_to_end(key)
            sensor.add(diagnosis, seen)
            self._note(sensor, before)

    def check_silence(self, now: float, reachable_since: float = 0.0) -> None:
        """Mark the sensors that have been silent for too long.

        Args:
            now: Seconds since the epoch, up to which all diagnoses have been read.
            reachable_since: When Kafka was last unreachable: no sensor could be seen then.
        """
        with self._lock:
            late = now - LEFT_OUT_FOR
            self._left_out = {key: seen for key, seen in self._left_out.items() if seen > late}
            for sensor in self._sensors.values():
                if sensor.silent or sensor.interval is None:
                    continue
                if now - max(sensor.seen, reachable_since) > self._patience(sensor):
                    before = sensor.standing()
                    sensor.silent = True
                    self._note(sensor, before)

    def publish(self, most: int) -> Update:
        """Begin the next version with the sensors that have changed, at most so many.

        The others follow in the next ones; changes of state come first.
        """
        with self._lock:
            groups = self._rollup.changes.publish()
            return self._update(self._changes.publish(most), groups)

    def since(self, version: int) -> Update | None:
        """Return what was published after a version, 0 for all; None if that cannot be known."""
        with self._lock:
            rows = self._changes.since(version)
            groups = self._rollup.changes.since(version)
            return None if rows is None or groups is None else self._update(rows, groups)

    def detail(self, key: SensorKey) -> Detail | None:
        """Return a sensor in full; None if it is not known."""
        with self._lock:
            sensor = self._sensors.get(key)
            if sensor is None or sensor.diagnosis is None:
                return None
            return Detail(sensor.row(), sensor.diagnosis, sensor.history.points())

    def _patience(self, sensor: Sensor) -> float:
        """Return the seconds after which a sensor is silent."""
        limits = self._limits
        return max(limits.silent_after * (sensor.interval or 0.0), limits.silent_minimum)

    def _has_place(self, now: float) -> bool:
        """Whether a new sensor is taken."""
        if len(self._sensors) < self._limits.max_sensors:
            return True
        oldest = next(iter(self._sensors.values()))
        if oldest.interval is None:
            return now - oldest.seen > LEFT_OUT_FOR
        return oldest.silent or now - oldest.seen > self._patience(oldest)

    def _new(self, key: SensorKey) -> Sensor:
        self._left_out.pop(key, None)
        if len(self._sensors) == self._limits.max_sensors:
            _, oldest = self._sensors.popitem(last=False)
            del self._by_id[oldest.id]
            self._changes.remove(oldest.id)
            self._rollup.move(oldest.key.source, oldest.standing().counted, ())
            self.dropped += 1
        sensor = Sensor(self._next_id, key, History(self._limits.history))
        self._next_id += 1
        self._sensors[key] = self._by_id[sensor.id] = sensor
        return sensor

    def _note(self, sensor: Sensor, before: Standing | None) -> None:
        after = sensor.standing()
        changed = before is None or before[:2] != after[:2]
        self._changes.touch(sensor.id, urgent=changed)
        self._rollup.move(sensor.key.source, before.counted if before else (), after.counted)

    def _update(self, rows: Since[int], groups: Since[str]) -> Update:
        return Update(
            version=self._changes.version,
            rows=[self._by_id[each].row() for each in rows.changed],
            removed=rows.removed,
            groups={name: self._rollup.counts(name) for name in groups.changed},
            removed_groups=groups.removed,
        )
