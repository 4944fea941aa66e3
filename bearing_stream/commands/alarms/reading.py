"""Reads the topics of alarms, as any subscriber can: the table, and the history."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from operator import itemgetter
from typing import Final, NamedTuple

from confluent_kafka import Message

from bearing_stream.alarms.times import EPOCH
from bearing_stream.kafka import AlarmTopicSettings, Span, TopicReader
from bearing_stream.wire.alarm import Alarm, AlarmEvent, decode
from bearing_stream.wire.alarm_terms import ANNUNCIATED, SEVERITIES
from bearing_stream.wire.reading import readable_headers

PAUSE: Final = 0.1
"""Seconds between two checks for the result of a command."""

_RANKS: Final = {severity.value: rank for rank, severity in enumerate(SEVERITIES)}


def rank_of(severity: str) -> int:
    """Return a severity as a number; one of a later version is the highest."""
    return _RANKS.get(severity, len(_RANKS))


class Row(NamedTuple):
    """An alarm as it is now, and the partition that it is in."""

    alarm: Alarm
    partition: int

    @property
    def is_displayed(self) -> bool:
        """Whether operators should see it."""
        return self.alarm.state in ANNUNCIATED

    @property
    def rank(self) -> int:
        """The severity as a number."""
        return rank_of(self.alarm.severity)


def table(settings: AlarmTopicSettings) -> dict[str, Row]:
    """Return every alarm by its id; what cannot be read is left out.

    Raises:
        FatalKafkaError: Kafka does not respond, or refuses.
    """
    rows: dict[str, Row] = {}
    with TopicReader(settings.client_properties(), settings.alarm_topics.alarms) as reader:
        for message in reader.read(reader.spans()):
            try:
                alarm_id, row = entry(message)
            except ValueError:
                continue
            if row is None:
                rows.pop(alarm_id, None)
            else:
                rows[alarm_id] = row
    return rows


def entry(message: Message) -> tuple[str, Row | None]:
    """Return the id of an alarm, and the alarm as it is from this record of the table on.

    The alarm is None if the record removes it.

    Raises:
        ValueError: The record is no alarm.
    """
    if message.value() is None:
        return (message.key() or b"").decode(errors="replace"), None
    alarm = decode(Alarm, readable_headers(message), message.value())
    return alarm.alarm_id, Row(alarm, message.partition() or 0)


def by_machine(rows: Iterator[Row]) -> list[list[Row]]:
    """Group alarms by machine, the machine with the most severe one first.

    In a group, the alarm that was raised first leads: what it is about may have caused the others.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.alarm.machine, []).append(row)
    for group in groups.values():
        group.sort(key=lambda row: (row.alarm.since is None, row.alarm.since, row.alarm.alarm_id))
    return sorted(groups.values(), key=lambda group: (-max(row.rank for row in group), _id(group)))


def _id(group: list[Row]) -> str:
    return group[0].alarm.alarm_id


def history(settings: AlarmTopicSettings) -> Iterator[AlarmEvent]:
    """Yield all events, in order within an alarm; what cannot be read is left out.

    Raises:
        FatalKafkaError: Kafka does not respond, or refuses.
    """
    with EventReader(settings) as reader:
        yield from reader.new()


def time_of(event: AlarmEvent) -> datetime | None:
    """Return when its command was given, or else when the sensor measured last; None if unknown."""
    command = event.command
    return event.last_measured_at if command is None or command.at is None else command.at


def latest(events: Iterable[AlarmEvent], most: int) -> list[AlarmEvent]:
    """Return the latest of these events, in order of time; those of an alarm keep their order.

    They come from several partitions. An event that is earlier than one before it of the same
    alarm, as after a command, counts as simultaneous with that.
    """
    reached: dict[str, datetime] = {}
    placed = []
    for event in events:
        before = reached.get(event.alarm_id, EPOCH)
        at = reached[event.alarm_id] = max(before, time_of(event) or before)
        placed.append((at, event))
    placed.sort(key=itemgetter(0))
    return [event for _, event in placed[-most:]]


class EventReader:
    """Reads the topic of events on from where it was."""

    def __init__(self, settings: AlarmTopicSettings, *, from_end: bool = False) -> None:
        """Connect.

        Args:
            settings: Which topic.
            from_end: Begin behind what is there now.

        Raises:
            FatalKafkaError: Kafka does not respond, or refuses.
        """
        self._reader = TopicReader(settings.client_properties(), settings.alarm_topics.events)
        self._next: dict[int, int] = {}
        if from_end:
            self._next = {number: span.end for number, span in self._reader.spans().items()}

    def __enter__(self) -> "EventReader":
        return self

    def __exit__(self, *error: object) -> None:
        self._reader.__exit__(None, None, None)

    def new(self) -> Iterator[AlarmEvent]:
        """Yield the events that came since the last call."""
        spans = {
            number: Span(self._next.get(number, start), end)
            for number, (start, end) in self._reader.spans().items()
        }
        for message in self._reader.read(spans):
            try:
                yield decode(AlarmEvent, readable_headers(message), message.value())
            except ValueError:
                continue
        self._next = {number: span.end for number, span in spans.items()}

    def results(self, commands: set[str], timeout: float) -> Iterator[AlarmEvent]:
        """Yield the events of commands as they come, until all have one or the time is over."""
        left = set(commands)
        deadline = time.monotonic() + timeout
        while left and time.monotonic() < deadline:
            for event in self.new():
                if event.command is not None and event.command.command_id in left:
                    left.discard(event.command.command_id)
                    yield event
            if left:
                time.sleep(PAUSE)
