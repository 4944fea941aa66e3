"""An engine with a sensor that is fed window by window, as tests drive it."""

from typing import Any

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.outputs import Output
from bearing_stream.alarms.rules_file import parse
from bearing_stream.alarms.times import from_microseconds
from bearing_stream.wire.alarm import AlarmCommand, PublishedAlarm
from bearing_stream.wire.alarm_terms import Action, Severity
from tests.bearing_stream.alarms.diagnoses import START, STEP, seen

BEARING = "pump-7:bearing-fault"


class World:
    """Feeds one engine, and keeps what it published."""

    def __init__(self, rules: str = "", **engine: Any) -> None:
        self.engine = Engine(parse(rules), **engine)
        self.offset = -1
        self.time = START - STEP
        self.commands = -1
        self.outputs: list[Output] = []

    def feed(self, seconds: float, step: int = STEP, **fields: Any) -> list[str]:
        """Feed diagnoses for a while of event time, and return the events as `kind event`."""
        begin = len(self.outputs)
        end = self.time + round(seconds * 1_000_000)
        while self.time + step <= end:
            self.time += step
            self.at(self.time, **fields)
        return self.events(begin)

    def at(self, time: int, **fields: Any) -> None:
        """Feed one diagnosis of this event time."""
        self.offset += 1
        self.outputs += self.engine.observe(seen(self.offset, time, **fields))

    def command(
        self,
        action: Action,
        alarm_id: str = BEARING,
        hours: float | None = None,
        severity: Severity | None = None,
        once: bool = False,
        offset: int | None = None,
        count: int | None = None,
    ) -> list[str]:
        """Give a command now, in event time, and return the events."""
        begin = len(self.outputs)
        self.commands += 1
        command = AlarmCommand(
            command_id=f"command-{self.commands}",
            alarm_id=alarm_id,
            action=action,
            by="ann",
            reason="seen",
            at=from_microseconds(self.time),
            severity=severity,
            count=count,
            until=None if hours is None else from_microseconds(self.time + round(hours * 3.6e9)),
            once=once,
        )
        self.outputs += self.engine.command(command, self.commands if offset is None else offset)
        return self.events(begin)

    def silent(self, key: str = "pump-7", after: float = 60) -> list[str]:
        """Let the sensor be silent, and return the events."""
        begin = len(self.outputs)
        self.outputs += self.engine.silent(key, self.time + round(after * 1_000_000))
        return self.events(begin)

    def events(self, begin: int = 0) -> list[str]:
        """Return the events since one of the outputs, as `kind event`."""
        found = (output.event for output in self.outputs[begin:] if output.event)
        return [f"{event.kind} {event.event}" for event in found]

    def alarm(self, alarm_id: str = BEARING) -> PublishedAlarm:
        """Return the latest record of an alarm, as the compacted topic has it."""
        records = (output.alarm for output in reversed(self.outputs))
        return next(record for record in records if record.alarm_id == alarm_id)
