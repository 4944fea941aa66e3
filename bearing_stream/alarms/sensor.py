"""The state of one sensor: its evidence, its alarms, and how far the input is reflected in them."""

from math import log
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from bearing_stream.alarms.alarm_state import AlarmState
from bearing_stream.alarms.evidence import Evidence, Row
from bearing_stream.alarms.observation import (
    FAULTY,
    FLAGGED,
    INDICATORS,
    LOG_STEPS,
    NOVEL,
    NOVELTY,
    OFF,
    OVER,
    UNMEASURED,
    UNUSABLE,
    USABLE,
    VELOCITY,
    WITH_INDICATORS,
    WRONG_UNIT,
    Observation,
)
from bearing_stream.alarms.rules import SensorRules
from bearing_stream.alarms.saved import check_sensor
from bearing_stream.wire.alarm_terms import MACHINE_KINDS, AlarmKind, DataState

VERSION: Final = 1
"""Of the form in which a sensor is saved."""

_NOT_EVIDENCE: Final = ~(1 << FAULTY | 1 << 2 | 1 << 3)
"""Clears faulty, network and lines, the bits that only a usable window has."""

_NOT_MEASURED: Final = ~(1 << WITH_INDICATORS | 1 << VELOCITY)

_ALARMS: Final = b',"alarms":'

_ZEROS: Final = (0,) * 8
_NO_INDICATORS: Final = (0,) * len(INDICATORS)


def sensor_key(sensor: str, channel: str | None, source: str | None = None) -> str:
    """Return the key of a sensor, or of a channel of it: `pump-7`, `pump-7:x`.

    A colon in the sensor's id is written as `%3A`, so that keys are unambiguous. Where several
    sources have a sensor of this id, those of all but the first have the source too:
    `pump-7%40/plant-2`.
    """
    name = _escaped(sensor) if source is None else f"{_escaped(sensor)}%40{_escaped(source)}"
    return name if channel is None else f"{name}:{channel}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A")


def alarm_id(key: str, kind: AlarmKind) -> str:
    """Return the id of an alarm of the sensor with this key: `pump-7:bearing-fault`."""
    return f"{key}:{kind}"


def channel_of(alarm_id: str) -> str | None:
    """Return the channel that an alarm is about; None if it is of a whole sensor."""
    _, colon, channel = alarm_id.rpartition(":")[0].partition(":")
    return channel if colon else None


def alarms_in(dumped: bytes) -> list[AlarmState]:
    """Return the alarms of a sensor that was dumped, without loading the rest: that is most of it.

    Raises:
        ValueError: It is no sensor of this version.
    """
    # The last field. A quote within a string is escaped, so that no string holds this text.
    _, _, alarms = dumped.rpartition(_ALARMS)
    return [*map(AlarmState.load, from_json(alarms[:-1]))]


class Logs(NamedTuple):
    """Ids of the topics of diagnoses and of commands; None if unknown.

    A topic that was deleted and created anew has another id, and offsets from 0 on.
    """

    diagnoses: str | None = None
    commands: str | None = None


class SensorState:
    """One sensor, or one channel of a sensor that has several.

    Attributes:
        offset: Of the latest diagnosis that is reflected; -1 if none.
        command_offset: Of the latest command that is reflected; -1 if none.
        command_ids: Kind of the alarm and id of each of the latest commands, oldest first.
        logs: Of the topics that these two offsets belong to.
        latest: Time of its latest measurement, µs; 0 before the first.
        late_run: Measurements in a row that were too late.
        reference: Sum of the logarithms of the RMS of the first windows.
        referenced: Windows in that sum.
    """

    __slots__ = (
        *(
            "alarms",
            "channel",
            "command_ids",
            "command_offset",
            "evidence",
            "key",
            "late_run",
            "latest",
            "model",
        ),
        *("offset", "off", "reference", "referenced", "rules", "sensor", "source", "window_id"),
        *("limits", "logs", "over", "running"),
    )

    def __init__(self, key: str, sensor: str, channel: str | None, source: str) -> None:
        self.key, self.sensor, self.channel, self.source = key, sensor, channel, source
        self.offset = self.command_offset = -1
        self.command_ids: list[str] = []
        self.logs = Logs()
        self.latest = self.late_run = 0
        self.window_id = ""
        self.model = ("", "")
        self.off = False
        self.reference = self.referenced = 0
        self.alarms: dict[AlarmKind, AlarmState] = {}

    def follow(self, logs: Logs) -> None:
        """Go on in these topics: of one that was created anew, nothing is reflected."""
        if is_another(self.logs.diagnoses, logs.diagnoses):
            self.offset = -1
        if is_another(self.logs.commands, logs.commands):
            self.command_offset = -1
        self.logs = logs

    def use(self, rules: SensorRules) -> None:
        """Apply rules from now on, without losing state."""
        self.rules = rules
        if not hasattr(self, "evidence"):
            self.evidence = Evidence(rules.evidence.windows)
        elif self.evidence.capacity != rules.evidence.windows:
            self.evidence.resize(rules.evidence.windows)
        running = rules.evidence.running_rms
        self.running = round(log(running) * LOG_STEPS) if running else None
        self._compile_limits()

    def _compile_limits(self) -> None:
        high = self.rules.indicator_high
        limits = {name: round(log(limit) * LOG_STEPS) for name, limit in high.given}
        if high.rms_times and self.referenced >= self.rules.evidence.learn:
            times = round(self.reference / self.referenced) + round(log(high.rms_times) * LOG_STEPS)
            limits["rms"] = min(times, limits.get("rms", times))
        self.limits = tuple((INDICATORS.index(name), limit) for name, limit in limits.items())

    @property
    def data(self) -> DataState:
        """Whether the sensor measures its machine."""
        silent = self.alarms.get(AlarmKind.SENSOR_SILENT)
        if silent is not None and silent.active:
            return DataState.SILENT
        return DataState.OFF if self.off else DataState.LIVE

    def alarm(self, kind: AlarmKind) -> AlarmState:
        """Return the alarm of a kind, a new one if there is none yet."""
        found = self.alarms.get(kind)
        if found is None:
            found = AlarmState(kind, self.rules.kinds[kind].rank)
            alarms = {**self.alarms, kind: found}
            # In the order of kinds, as after loading.
            self.alarms = {each: alarms[each] for each in AlarmKind if each in alarms}
        return found

    def add(self, seen: Observation) -> None:
        """Add a measurement to the evidence."""
        mask, evidence_rule = seen.mask, self.rules.evidence
        if evidence_rule.unit is not None and seen.unit not in (None, evidence_rule.unit):
            mask |= 1 << WRONG_UNIT | 1 << FLAGGED
        measured = mask >> WITH_INDICATORS & 1 and not mask & UNMEASURED
        indicators = seen.indicators
        off = bool(measured and self.running is not None and indicators[0] < self.running)
        if off:
            mask |= 1 << OFF
        if not measured or off:
            indicators = _NO_INDICATORS
            mask &= _NOT_MEASURED
        elif any(indicators[column] >= limit for column, limit in self.limits):
            mask |= 1 << OVER
        unusable = mask & UNUSABLE
        usable = not (unusable or off)
        mask = mask | 1 << USABLE if usable else mask & _NOT_EVIDENCE
        if unusable == 1 << NOVELTY and not off:
            mask |= 1 << NOVEL
        windows = min(seen.windows, evidence_rule.windows)
        states = (*seen.logs, *seen.sigmas) if usable else _ZEROS
        row: Row = (windows, mask, *states, *indicators)
        self.evidence.add(seen.time, row)
        self.off = off
        if self.referenced < evidence_rule.learn and mask >> WITH_INDICATORS & 1:
            self._learn(indicators[0], windows)

    def _learn(self, rms: int, windows: int) -> None:
        """Add a measurement to the reference, unless the machine has an alarm."""
        for kind in MACHINE_KINDS:
            alarm = self.alarms.get(kind)
            if alarm is not None and (alarm.active or alarm.on_since):
                return
        self.reference += rms * windows
        self.referenced += windows
        if self.referenced >= self.rules.evidence.learn:
            self._compile_limits()

    def reference_log(self) -> float | None:
        """Return the logarithm of the reference RMS; None until it is complete."""
        if self.referenced < self.rules.evidence.learn:
            return None
        return self.reference / (LOG_STEPS * self.referenced)

    def restart_clock(self, time: int) -> None:
        """Take the sensor's clock to have been set back: evidence and delays begin anew."""
        self.latest = self.late_run = 0
        self.evidence.clear()
        for alarm in self.alarms.values():
            alarm.restart_delays(time)

    def dump(self) -> bytes:
        """Return the state as JSON, for `load`: all that the engine needs to go on."""
        return to_json(
            {
                "version": VERSION,
                "sensor": self.sensor,
                "channel": self.channel,
                "source": self.source,
                "offset": self.offset,
                "command_offset": self.command_offset,
                "command_ids": self.command_ids,
                "logs": self.logs,
                "latest": self.latest,
                "late_run": self.late_run,
                "window_id": self.window_id,
                "model": self.model,
                "off": self.off,
                "reference": self.reference,
                "referenced": self.referenced,
                "evidence": self.evidence.dump(),
                "alarms": [self.alarms[kind].dump() for kind in AlarmKind if kind in self.alarms],
            }
        )

    @classmethod
    def load(cls, key: str, dumped: bytes, rules_of: Any) -> "SensorState":
        """Return the sensor that was dumped.

        Args:
            key: Of its record.
            dumped: From `dump`.
            rules_of: Gives the rules for a source and a sensor.

        Raises:
            ValueError: It is no sensor of this version.
        """
        content = from_json(dumped)
        if not isinstance(content, dict) or content.get("version") != VERSION:
            raise ValueError(f"{key}: expected the state of a sensor of version {VERSION}")
        check_sensor(content)
        state = cls(key, content["sensor"], content["channel"], content["source"])
        for name in ("offset", "command_offset", "latest", "late_run", "window_id", "off"):
            setattr(state, name, content[name])
        # A record of an earlier version lacks them.
        state.command_ids = [str(each) for each in content.get("command_ids", ())]
        state.model = tuple(content["model"])
        state.logs = Logs(*content.get("logs", ()))
        state.reference, state.referenced = content["reference"], content["referenced"]
        rules: SensorRules = rules_of(state.source, state.sensor)
        state.evidence = Evidence.load(rules.evidence.windows, content["evidence"])
        for alarm in map(AlarmState.load, content["alarms"]):
            state.alarms[alarm.kind] = alarm
        state.use(rules)
        return state


def is_another(before: str | None, now: str | None) -> bool:
    """Whether a topic was created anew, by its ids; None is unknown."""
    return None not in (before, now) and before != now
