"""The engine: diagnoses, commands and silence in; transitions of alarms out.

It is a deterministic function of its state and its input, and its state can be saved and loaded at
any point. Event time, that of the measurements, runs every delay; the wall clock, which is passed
in, counts for silence only.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from bearing_stream.alarms import commands
from bearing_stream.alarms.alarm_state import AlarmState
from bearing_stream.alarms.observation import Observation
from bearing_stream.alarms.outputs import Output, Position, outputs
from bearing_stream.alarms.readings import is_quiet, readings
from bearing_stream.alarms.rules import Rules
from bearing_stream.alarms.sensor import Logs, SensorState, alarm_id, alarms_in, sensor_key
from bearing_stream.wire.alarm import AlarmCommand, CommandResult
from bearing_stream.wire.alarm_terms import MACHINE_KINDS, AlarmKind, Transition

MAX_SENSORS: Final = 200_000
"""Sensors of which state is kept; a bound of memory, about 5 kB each."""

REMEMBERED_COMMANDS: Final = 16
"""Of a sensor: more than are given while a sender waits for the confirmation of one."""

NO_LOGS: Final = Logs()

Found = list[tuple[AlarmState, Transition | None]]
"""Alarms that changed, with the transition; None where a condition changed without one."""


class Engine:
    """The alarms of the sensors in one partition of diagnoses.

    Attributes:
        counts: Input that had no effect, by reason: `replayed` (reflected already), `duplicate`
            (time of an earlier measurement), `late` (older than the lateness allows), `reordered`
            (late, and counted as evidence), `clock-reset`, `untracked` (too many sensors).
        unreadable: Key of each record that could not be read → the reason; its sensor begins anew.
    """

    def __init__(
        self,
        rules: Rules | None = None,
        topic: str = "bearing.diagnoses",
        partition: int = 0,
        max_sensors: int = MAX_SENSORS,
        logs: Logs = NO_LOGS,
    ) -> None:
        self._rules = rules or Rules()
        self._logs = logs
        self._position = Position(topic, partition)
        self._max_sensors = max_sensors
        self._sensors: dict[str, SensorState] = {}
        # Records that were restored and whose sensor has not been needed yet: most of them after a
        # restart, and reading one takes 100 µs.
        self._restored: dict[str, bytes] = {}
        self._keys: dict[tuple[str, str | None, str], str] = {}
        self._changed: dict[str, SensorState] = {}
        self.counts: Counter[str] = Counter()
        self.unreadable: dict[str, str] = {}

    def __len__(self) -> int:
        """The number of sensors."""
        return len(self._sensors) + len(self._restored)

    def restore(self, key: str, record: bytes | None) -> None:
        """Take the state of a sensor from its record, the last one of its key; None removes it."""
        self._sensors.pop(key, None)
        if record is None:
            self._restored.pop(key, None)
        else:
            self._restored[key] = record

    def take_changed(self) -> Iterator[tuple[str, bytes]]:
        """Yield key and record of each sensor that changed since it was last taken."""
        changed, self._changed = self._changed, {}
        for key, state in changed.items():
            yield key, state.dump()

    def take(self, key: str) -> bytes | None:
        """Return the record of one sensor if it changed since it was last taken; else None."""
        state = self._changed.pop(key, None)
        return None if state is None else state.dump()

    @property
    def changed(self) -> list[str]:
        """The keys of the sensors that changed since they were last taken."""
        return [*self._changed]

    def keys(self) -> list[str]:
        """The keys of all sensors."""
        return [*self._restored, *self._sensors]

    def key(self, seen: Observation) -> str:
        """Return the key of the sensor of a diagnosis that was observed."""
        return self._keys.get((seen.sensor, seen.channel, seen.source), "")

    def sensors(self) -> Iterator[SensorState]:
        """Yield the state of every sensor."""
        for key in [*self._restored]:
            self._load(key)
        yield from self._sensors.values()

    def alarms(self) -> Iterator[tuple[str, AlarmState]]:
        """Yield id and state of every alarm.

        A restored sensor that has not been needed yet is not loaded; its alarms are left out if its
        record cannot be read.
        """
        for key in self._sensors:
            yield from self.alarms_of(key)
        for key, record in self._restored.items():
            with suppress(ValueError, TypeError, AttributeError, KeyError):
                yield from ((alarm_id(key, alarm.kind), alarm) for alarm in alarms_in(record))

    def alarms_of(self, key: str) -> Iterator[tuple[str, AlarmState]]:
        """Yield id and state of every alarm of a sensor."""
        if (state := self._find(key)) is not None:
            yield from ((alarm_id(key, alarm.kind), alarm) for alarm in state.alarms.values())

    def use(self, rules: Rules) -> None:
        """Apply other rules from now on; evidence, alarms and delays keep their state."""
        self._rules = rules
        for state in self._sensors.values():
            state.use(rules.of(state.source, state.sensor))

    def observe(self, seen: Observation) -> list[Output]:
        """Take a diagnosis, and return what it changed: nothing, for nearly every one.

        A diagnosis that the state of its sensor reflects already has no effect.
        """
        state = self._of(seen)
        if state is None:
            self.counts["untracked"] += 1
            return []
        if seen.offset <= state.offset:
            self.counts["replayed"] += 1
            return []
        # Of a topic that was created anew, no offset is known either.
        is_first = state.offset < 0 and not state.latest
        found = self._first_seen(state) if is_first else []
        state.offset = seen.offset
        self._changed[state.key] = state
        gap = 0
        in_time = self._in_time(state, seen)
        if in_time:
            gap = max(0, seen.time - state.latest)
            state.window_id, state.model = seen.window_id, seen.model
            state.late_run = 0
            state.latest = max(state.latest, seen.time)
            state.add(seen)
        if is_quiet(state) and not found:
            return []
        return self._evaluate(state, seen.windows if in_time else 0, gap, found)

    def command(self, command: AlarmCommand, offset: int) -> list[Output]:
        """Carry out a command, or refuse it, and return what changed.

        Args:
            command: It may be of a later version.
            offset: Of the command in its partition; one that is reflected already has no effect.
        """
        key, _, kind = command.alarm_id.rpartition(":")
        state = self._find(key)
        if state is None or kind not in state.rules.kinds:
            self.counts["unknown-alarm"] += 1
            return []
        if offset <= state.command_offset:
            self.counts["replayed"] += 1
            return []
        state.command_offset = offset
        self._changed[key] = state
        identity = f"{kind} {command.command_id}"
        if identity in state.command_ids:
            # Its sender had no confirmation, and sent it again.
            self.counts["replayed"] += 1
            return []
        state.command_ids = [*state.command_ids[1 - REMEMBERED_COMMANDS :], identity]
        alarm = state.alarm(AlarmKind(kind))
        rule, before = state.rules.kinds[alarm.kind], _conditions(state)
        transition, result = commands.carry_out(command, alarm, rule)
        return self._finished(state, [(alarm, transition)], before, f"command {offset}", result)

    def silent(self, key: str, now: int) -> list[Output]:
        """Take note that a sensor has been silent for longer than its timeout.

        Args:
            key: Of the sensor.
            now: Wall clock, µs since the epoch. It runs the delays of this kind of alarm only.
        """
        state = self._find(key)
        kind = AlarmKind.SENSOR_SILENT
        if state is None:
            return []
        known, rule, before = state.alarms.get(kind), state.rules.kinds[kind], _conditions(state)
        was_active = known is not None and known.active
        if not (rule.enabled or was_active):
            return []
        alarm = state.alarm(kind)
        if not rule.enabled:
            found: Found = [(alarm, each) for each in alarm.clear(state.latest)]
        elif was_active:
            found = [(alarm, each) for each in alarm.realarm(rule, now)]
        else:
            alarm.rank, alarm.first_window = rule.rank, state.window_id
            found = [(alarm, each) for each in alarm.raised(rule, now)]
            # Flaps are counted by the times of measurements, as those of the other kinds.
            alarm.changes[-1] = state.latest
        found += [(alarm, each) for each in alarm.unshelve_expired(now)]
        return self._finished(state, found, before, f"silent {now}", noticed=now)

    def disabled_silence(self) -> list[str]:
        """Return the sensors with an alarm of silence that is active although it is disabled."""
        if not self._rules.disables_silence:
            return []
        suffix = f":{AlarmKind.SENSOR_SILENT}"
        active = [name for name, alarm in self.alarms() if alarm.active and name.endswith(suffix)]
        keys = [name.removesuffix(suffix) for name in active]
        found = [(key, self._find(key)) for key in keys]
        return [key for key, state in found if state and not state.rules.sensor_silent.enabled]

    def timeout(self, key: str) -> int:
        """Return after how many µs without a diagnosis a sensor is silent."""
        state = self._find(key)
        return (state.rules if state else self._rules.of("", key)).sensor_silent.timeout

    @property
    def shortest_timeout(self) -> int:
        """The shortest time in µs after which any sensor is silent."""
        return self._rules.shortest_timeout

    def _in_time(self, state: SensorState, seen: Observation) -> bool:
        """Whether a measurement counts; if not, it is counted with the reason."""
        if seen.time > state.latest:
            return True
        if seen.time in state.evidence:
            self.counts["duplicate"] += 1
            return False
        rule = state.rules.evidence
        if state.latest - seen.time <= rule.lateness:
            self.counts["reordered"] += 1
            return True
        state.late_run += 1
        if state.late_run <= rule.clock_reset:
            self.counts["late"] += 1
            return False
        self.counts["clock-reset"] += 1
        state.restart_clock(seen.time)
        return True

    @staticmethod
    def _first_seen(state: SensorState) -> Found:
        """Return what the first diagnosis of a sensor changes by being the first."""
        rule = state.rules.sensor_silent
        if not (rule.enabled and rule.first_seen):
            return []
        # Not kept: a sensor with an alarm takes longer.
        return [(AlarmState(AlarmKind.SENSOR_SILENT, rule.rank), Transition.FIRST_SEEN)]

    def _evaluate(self, state: SensorState, windows: int, gap: int, found: Found) -> list[Output]:
        """Go on with every alarm; a diagnosis that does not count only ends silence.

        Args:
            state: Of the sensor.
            windows: Of the diagnosis; 0 if it does not count.
            gap: From the measurement before to this one, in µs.
            found: What it has changed already.
        """
        time = state.latest
        before = _conditions(state)
        silent = state.alarms.get(AlarmKind.SENSOR_SILENT)
        if silent is not None:
            rule = state.rules.sensor_silent
            if silent.active:
                found += [(silent, each) for each in silent.sends_again(rule, time, gap)]
            found += [(silent, each) for each in silent.unshelve_expired(time)]
        for kind, reading in readings(state) if windows else ():
            of_kind = state.rules.kinds[kind]
            alarm = state.alarms.get(kind)
            if alarm is None:
                if reading.level < of_kind.raise_level or reading.agreeing < of_kind.agree:
                    continue
                alarm = state.alarm(kind)
            if alarm.active:
                alarm.windows += windows
            found += [(alarm, each) for each in alarm.step(of_kind, reading, time, state.window_id)]
            found += [(alarm, each) for each in alarm.unshelve_expired(time)]
        return self._finished(state, found, before, "")

    def _finished(
        self,
        state: SensorState,
        found: Found,
        before: dict[AlarmKind, object],
        cause: str,
        result: CommandResult | None = None,
        noticed: int = 0,
    ) -> list[Output]:
        """Return the outputs of a step, those of masks that changed included."""
        changed = {alarm.kind for alarm, _ in found}
        for alarm in state.alarms.values():
            was, alarm.masked = alarm.masked, alarm.active and _is_masked(state, alarm)
            if alarm.masked != was and alarm.active and alarm.kind not in changed:
                found.append((alarm, Transition.MASKED if alarm.masked else Transition.UNMASKED))
            elif before.get(alarm.kind) != alarm.conditions() and alarm.kind not in changed:
                found.append((alarm, None))
        if not found:
            return []
        self._changed[state.key] = state
        return outputs(state, found, (*self._position, state.offset, cause), result, noticed)

    def _of(self, seen: Observation) -> SensorState | None:
        """Return the sensor of a diagnosis; None if there are too many."""
        name = (seen.sensor, seen.channel, seen.source)
        key = self._keys.get(name)
        if key is None:
            key = self._key_of(*name)
        state = self._find(key)
        if state is None:
            if len(self) >= self._max_sensors:
                return None
            state = self._sensors[key] = SensorState(key, *name)
            state.follow(self._logs)
            state.use(self._rules.of(seen.source, seen.sensor))
        self._keys[name] = key
        return state

    def _key_of(self, sensor: str, channel: str | None, source: str) -> str:
        """Return the key of a sensor; without its source where that was the first to have its id.

        So two sensors of one id in two plants are two, and all others keep short ids.
        """
        key = sensor_key(sensor, channel)
        first = self._find(key)
        is_first = first is None or first.source == source
        return key if is_first else sensor_key(sensor, channel, source)

    def _find(self, key: str) -> SensorState | None:
        found = self._sensors.get(key)
        return self._load(key) if found is None and key in self._restored else found

    def _load(self, key: str) -> SensorState | None:
        try:
            state = SensorState.load(key, self._restored.pop(key), self._rules.of)
        except Exception as error:
            # Any program that writes into the topic of state would end the process at each restart.
            self.unreadable[key] = f"{type(error).__name__}: {error}"
            return None
        state.follow(self._logs)
        self._sensors[key] = state
        return state


def _conditions(state: SensorState) -> dict[AlarmKind, object]:
    return {kind: alarm.conditions() for kind, alarm in state.alarms.items()}


def _is_masked(state: SensorState, alarm: AlarmState) -> bool:
    """Whether another alarm of the sensor hides an active one, or the machine is off."""
    if state.off and alarm.kind in MACHINE_KINDS:
        return True
    others = map(state.alarms.get, state.rules.kinds[alarm.kind].masked_by)
    return any(other is not None and other.hides for other in others)
