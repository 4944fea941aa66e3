"""Publishes what engines made of their input, and keeps account of it until it is committed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bearing_stream.alarms.outputs import Output
from bearing_stream.commands.alarms.stage.figures import Changes, Occurrence
from bearing_stream.commands.alarms.stage.partition import OwnedPartition, sensor_record
from bearing_stream.commands.alarms.stage.standing import standing
from bearing_stream.commands.alarms.stage.state_topic import Record, message
from bearing_stream.kafka.topics import AlarmTopics
from bearing_stream.wire import Message
from bearing_stream.wire.alarm import encode_alarm, encode_event
from consumer.delivery.base import Delivery
from consumer.messages import Positions


@dataclass
class Unsettled:
    """What was published since the last commit; see `consumer.pipeline.Unsettled`."""

    positions: Positions = field(default_factory=dict)
    began: int = 0
    occurrences: list[Occurrence] = field(default_factory=list)
    changes: Changes = field(default_factory=dict)
    diagnoses: int = 0
    """Those that the committed state reflects from then on."""


class Outbox:
    """What goes to the topics of alarms in one transaction."""

    def __init__(
        self, topics: AlarmTopics, delivery: Delivery, wall_clock: Callable[[], float]
    ) -> None:
        """Set up; `wall_clock` is in seconds since the epoch."""
        self._topics = topics
        self._delivery = delivery
        self._wall_clock = wall_clock
        self.unsettled = Unsettled()

    @property
    def is_open(self) -> bool:
        """Whether something waits to be committed."""
        return self._delivery.due_at() is not None

    def open(self) -> None:
        """Let offsets be committed, also where nothing is published."""
        self._delivery.open()

    def publish(
        self,
        number: int,
        owned: OwnedPartition,
        found: list[Output],
        given_at: float | None = None,
    ) -> None:
        """Publish alarms and events, and the records of their sensors.

        Args:
            number: Of the partition.
            owned: Whose engine made them.
            found: Alarms and events.
            given_at: When the command behind them was given, seconds since the epoch.
        """
        for alarm, event in found:
            self._send(self._topics.alarms, encode_alarm(alarm)._replace(partition=number))
            if event is not None:
                self._send(self._topics.events, encode_event(event)._replace(partition=number))
                self.unsettled.occurrences.append(Occurrence(number, event, given_at))
        for key in dict.fromkeys(alarm.alarm_id.rpartition(":")[0] for alarm, _ in found):
            for alarm_id, state in owned.engine.alarms_of(key):
                self.unsettled.changes[number, alarm_id] = standing(state)
            if (value := owned.engine.take(key)) is not None:
                self.write(number, owned, sensor_record(key, value))

    def write(self, number: int, owned: OwnedPartition, record: Record) -> None:
        """Publish a record of the state of a partition."""
        owned.note_written(record)
        self._send(self._topics.state, message(record.key, record.value or b"", number))

    def _send(self, topic: str, sent: Message) -> None:
        if not self.unsettled.began:
            self.unsettled.began = int(self._wall_clock() * 1000)
        self._delivery.publish(topic, sent)
