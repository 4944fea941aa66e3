"""The alarms of one partition that this instance owns: the engine, and what is reflected where."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pydantic_core import from_json, to_json

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.sensor import VERSION, is_another
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.stage.state_topic import COMMANDS, GROUP, SENSOR, Record
from bearing_stream.kafka import FatalKafkaError

_VERSION: Final = re.compile(rb'\{"version":(\d{1,9}),')
"""How the record of a sensor begins."""

AGAIN: Final = 60.0
"""Seconds between two checks of a sensor that is silent."""


@dataclass(slots=True)
class OwnedPartition:
    """One partition.

    Args:
        engine: Its alarms.
        next: Offset of the next diagnosis.
        reflected: Offset up to which all diagnoses are reflected in records: the one to commit.
        group: Whose state it is, as its records state; None if they do not.
        log: Id of the topic of commands; None if unknown.
        commands: Offset of the next command.
        arrivals: Sensor → when its last diagnosis arrived, monotonic seconds.
        unwritten: Sensors that the present checkpoint has still to write.
        checkpoint: `next` when the present checkpoint began.
        taken: Diagnoses taken since then, or before if there is none.
        covered: Diagnoses that the present checkpoint is to reflect.
        settled: Diagnoses that have become reflected and are not counted yet.
        sizes: Key of each record → its bytes.
        size: Their sum.
    """

    engine: Engine
    next: int
    reflected: int
    group: str | None = None
    log: str | None = None
    commands: int = 0
    arrivals: dict[str, float] = field(default_factory=dict)
    unwritten: list[str] = field(default_factory=list)
    checkpoint: int = 0
    taken: int = 0
    covered: int = 0
    settled: int = 0
    sizes: dict[bytes, int] = field(default_factory=dict)
    size: int = 0

    def restore(self, records: Iterable[Record], now: float) -> None:
        """Take the state from the records of the partition, in order."""
        for key, value in records:
            self.note_written(Record(key, value))
            try:
                self._take(key, value)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                name = key.decode(errors="replace")
                self.engine.unreadable[name] = f"{type(error).__name__}: {error}"
        # How long they were silent before is not known: they have their whole timeout again.
        self.arrivals = dict.fromkeys(self.engine.keys(), now)

    def _take(self, key: bytes, value: bytes | None) -> None:
        if key.startswith(SENSOR):
            if (found := _VERSION.match(value or b"")) and int(found[1]) > VERSION:
                raise FatalKafkaError(
                    f"the state of alarms is of version {found[1].decode()}, and this program "
                    f"knows {VERSION}: a later bearing-stream has written it; run that, or another "
                    "--alarm-state-topic"
                )
            self.engine.restore(key[len(SENSOR) :].decode(), value)
        elif key == COMMANDS and value is not None:
            content = from_json(value)
            anew = is_another(content.get("log"), self.log)
            self.commands = 0 if anew else max(0, int(content["next"]))
        elif key == GROUP and value is not None:
            self.group = str(from_json(value)["group"])

    def claim(self, settings: AlarmSettings) -> Record | None:
        """Make this the state of the group; return the record of that if there is none yet.

        Raises:
            FatalKafkaError: It is the state of another group.
        """
        if self.group == settings.group:
            return None
        if self.group not in (None, settings.take_over):
            raise FatalKafkaError(
                f"'{settings.alarm_topics.state}' holds the state of the group '{self.group}', and "
                f"this group is '{settings.group}': both would publish each alarm. Start this one "
                f"with --group {self.group}, or with topics of its own (--alarms-topic and the "
                f"others, or --replay); or, if '{self.group}' has stopped permanently, with "
                f"--take-over {self.group}"
            )
        self.group = settings.group
        return Record(GROUP, to_json({"group": self.group}))

    def commands_record(self) -> Record:
        """Return the record with the offset of the next command."""
        return Record(COMMANDS, to_json({"next": self.commands, "log": self.log}))

    def note_written(self, record: Record) -> None:
        """Note the size of a record, which replaces that of its key; a tombstone removes it."""
        self.size -= self.sizes.pop(record.key, 0)
        if record.value is not None:
            self.sizes[record.key] = len(record.key) + len(record.value)
            self.size += self.sizes[record.key]

    @property
    def is_being_written(self) -> bool:
        """Whether a checkpoint has begun and has not ended."""
        return bool(self.unwritten) or self.checkpoint > self.reflected

    def begin_checkpoint(self) -> None:
        """Begin to write all sensors that changed since their last record."""
        self.unwritten = self.engine.changed
        self.checkpoint = self.next
        self.covered, self.taken = self.covered + self.taken, 0

    def checkpoint_records(self, most: int) -> Iterable[Record]:
        """Yield the next records of the checkpoint; with the last, all up to it is reflected."""
        keys, self.unwritten = self.unwritten[:most], self.unwritten[most:]
        for key in keys:
            # None: it was written meanwhile, with a transition.
            if (value := self.engine.take(key)) is not None:
                yield sensor_record(key, value)
        if not self.unwritten:
            self.reflected = self.checkpoint
            self.settled, self.covered = self.settled + self.covered, 0

    def silent(self, now: float) -> list[str]:
        """Return the sensors that have been silent for longer than their timeout, for now."""
        latest = now - self.engine.shortest_timeout / 1e6
        suspects = [key for key, at in self.arrivals.items() if at < latest]
        return [
            key for key in suspects if now - self.arrivals[key] > self.engine.timeout(key) / 1e6
        ]

    def pass_over(self, seconds: float) -> None:
        """Let a time count for no timeout: what was sent in it could not be read."""
        self.arrivals = {key: at + seconds for key, at in self.arrivals.items()}

    def restart_timeouts(self, now: float) -> None:
        """Give every sensor its whole timeout again."""
        self.arrivals = dict.fromkeys(self.arrivals, now)

    def note_silent(self, key: str, now: float) -> None:
        """Note that a silent sensor was reported, so that it is checked again in a while."""
        self.arrivals[key] = now - self.engine.timeout(key) / 1e6 + AGAIN


def sensor_record(key: str, value: bytes) -> Record:
    """Return the record of a sensor."""
    return Record(SENSOR + key.encode(), value)
