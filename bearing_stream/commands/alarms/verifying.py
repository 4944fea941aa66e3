"""Checks the events of alarms by making them again from the diagnoses.

An engine that nothing disturbs is fed with the whole diagnoses topic. Commands and silence are
taken from the published events, which name the diagnosis after which each took effect.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from bearing_stream.alarms.commands import check
from bearing_stream.alarms.engine import MAX_SENSORS, Engine
from bearing_stream.alarms.observation import ObservationError, read
from bearing_stream.alarms.outputs import Output
from bearing_stream.alarms.rules import Rules
from bearing_stream.alarms.times import microseconds
from bearing_stream.kafka import AlarmTopicSettings, TopicReader
from bearing_stream.wire.alarm import AlarmCommand, AlarmEvent, decode, encode_event
from bearing_stream.wire.alarm_terms import AlarmKind, Transition
from bearing_stream.wire.reading import readable_headers

SAMPLES: Final = 10
"""Events to list of each kind of difference."""

Place = tuple[int, str, int]
"""Partition, key of a sensor, and offset of its diagnosis."""


@dataclass
class AlarmReport:
    """What was found; the check passes if no event is missing, unexpected or different."""

    diagnoses: int = 0
    events: int = 0
    unreadable: int = 0
    """Records in the topic of events that are none."""
    missing: list[str] = field(default_factory=list)
    """Events that the diagnoses give and the topic lacks."""
    unexpected: list[str] = field(default_factory=list)
    """Events in the topic that the diagnoses do not give, or that are there twice."""
    different: list[str] = field(default_factory=list)
    """Events of the same transition with other content."""

    @property
    def is_right(self) -> bool:
        """Whether the events are those of an undisturbed engine."""
        return not (self.missing or self.unexpected or self.different)

    def as_json(self) -> dict[str, Any]:
        """Return counts, and samples of what differs."""
        found = asdict(self)
        for name in ("missing", "unexpected", "different"):
            found[name] = {"count": len(found[name]), "samples": found[name][:SAMPLES]}
        return found


class _Causes:
    """What was given to the engines in addition to diagnoses, by the place where it took effect."""

    def __init__(self, events: list[tuple[int, AlarmEvent]], commands: dict[Any, Any]) -> None:
        self._at: defaultdict[Place, list[Any]] = defaultdict(list)
        for partition, event in events:
            offset = event.input.offset if event.input else -1
            place = (partition, event.alarm_id.rpartition(":")[0], offset)
            command = event.command and commands.get((event.alarm_id, event.command.command_id))
            if command:
                self._at[place].append(command)
            elif (noticed := _noticed_at(event)) and self._at[place][-1:] != [noticed]:
                self._at[place].append(noticed)

    def outputs(self, engine: Engine, place: Place) -> list[Output]:
        """Return what a diagnosis at a place is followed by."""
        found: list[Output] = []
        for cause in self._at.get(place, ()):
            if isinstance(cause, tuple):
                found += engine.command(*cause)
            else:
                found += engine.silent(place[1], microseconds(cause))
        return found


def _noticed_at(event: AlarmEvent) -> datetime | None:
    """Return when silence was noticed that an event is by; None if it is by anything else."""
    if (event.kind, event.event) == (AlarmKind.SENSOR_SILENT, Transition.RAISED):
        # An event of an earlier version has no other field of it.
        return event.noticed_at or event.since
    return event.noticed_at


def verify(
    settings: AlarmTopicSettings, rules: Rules, sensor_limit: int = MAX_SENSORS
) -> AlarmReport:
    """Make all events again, and compare them with those published.

    Args:
        settings: Which topics; that of the diagnoses must hold all since the stage began.
        rules: Those that it had all the time.
        sensor_limit: That it had.

    Raises:
        FatalKafkaError: Kafka does not respond, or refuses.
    """
    topics, report = settings.alarm_topics, AlarmReport()
    published = _published(settings, topics.events, report)
    report.events = len(published)
    causes = _Causes(published, _commands(settings, topics.commands))
    engines: dict[int, Engine] = {}
    left: dict[str, AlarmEvent] = {}
    for _, event in published:
        if event.transition_id in left:
            report.unexpected.append(f"{event.alarm_id} {event.event}, twice")
        left[event.transition_id] = event
    with TopicReader(settings.client_properties(), settings.diagnoses_topic) as reader:
        for message in reader.read(reader.spans()):
            report.diagnoses += 1
            partition, offset = message.partition() or 0, message.offset() or 0
            if partition not in engines:
                engines[partition] = Engine(
                    rules, settings.diagnoses_topic, partition, sensor_limit
                )
            engine = engines[partition]
            try:
                seen = read(message.value(), offset)
            except ObservationError:
                continue
            found = engine.observe(seen)
            found += causes.outputs(engine, (partition, engine.key(seen), offset))
            for output in found:
                _compare(output, left, report)
    report.unexpected += [f"{event.alarm_id} {event.event}" for event in left.values()]
    return report


def _compare(output: Output, left: dict[str, AlarmEvent], report: AlarmReport) -> None:
    event = output.event
    if event is None:
        return
    name = f"{event.alarm_id} {event.event}"
    there = left.pop(event.transition_id, None)
    if there is None:
        report.missing.append(name)
    elif there != AlarmEvent.model_validate_json(encode_event(event).value or b""):
        report.different.append(name)


def _published(
    settings: AlarmTopicSettings, topic: str, report: AlarmReport
) -> list[tuple[int, AlarmEvent]]:
    found = []
    with TopicReader(settings.client_properties(), topic) as reader:
        for message in reader.read(reader.spans()):
            try:
                event = decode(AlarmEvent, readable_headers(message), message.value())
            except ValueError:
                report.unreadable += 1
                continue
            found.append((message.partition() or 0, event))
    return found


def _commands(
    settings: AlarmTopicSettings, topic: str
) -> dict[tuple[str, str], tuple[AlarmCommand, int]]:
    """Return command and offset by alarm and id; what is no command had no effect either."""
    found: dict[tuple[str, str], tuple[AlarmCommand, int]] = {}
    with TopicReader(settings.client_properties(), topic) as reader:
        for message in reader.read(reader.spans()):
            try:
                command = decode(AlarmCommand, readable_headers(message), message.value())
                check(command, message.timestamp()[1])
            except ValueError:
                continue
            # One that was sent again has no effect.
            identity = command.alarm_id, command.command_id
            found.setdefault(identity, (command, message.offset() or 0))
    return found
