"""Feeds the engines with what was polled, and publishes what that changes."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.observation import ObservationError, read
from bearing_stream.alarms.outputs import Output
from bearing_stream.alarms.rules import Rules
from bearing_stream.alarms.rules_file import RulesError, RulesWatch
from bearing_stream.commands.alarms import events
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.stage.batch import DiagnosisBatch
from bearing_stream.commands.alarms.stage.metrics import AlarmMetrics
from bearing_stream.commands.alarms.stage.partition import OwnedPartition, sensor_record
from bearing_stream.commands.alarms.stage.state_topic import Record, message
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import Message
from bearing_stream.wire.alarm import AlarmCommand, decode, encode_alarm, encode_event
from bearing_stream.wire.reading import readable_headers
from consumer.batch import KafkaMessage, Positions
from consumer.delivery.base import Delivery, RefusedRecordsError
from consumer.metrics import DispatchReason

AT_A_TIME: Final = 2000
"""Records of a checkpoint that are written in one round: a few megabytes."""

SILENCE_INTERVAL: Final = 1.0
"""Seconds between two checks for silent sensors."""


class Commands(Protocol):
    """The topic of commands; see `command_topic.CommandTopic`."""

    def follow(self, offsets: Mapping[int, int]) -> None: ...  # noqa: D102
    def take(self) -> Iterable[KafkaMessage]: ...  # noqa: D102


class State(Protocol):
    """The topic of state; see `state_topic.StateTopic`."""

    def read(self, partition: int) -> Iterable[Record]: ...  # noqa: D102


@dataclass
class Unsettled:
    """What was published since the last commit; see `consumer.pipeline.Unsettled`."""

    positions: Positions = field(default_factory=dict)
    began: int = 0
    events: Counter[str] = field(default_factory=Counter)


class AlarmDispatcher:
    """Owns the alarms of the assigned partitions; see `consumer.pipeline.Dispatching`."""

    def __init__(
        self,
        settings: AlarmSettings,
        rules: Rules,
        delivery: Delivery,
        state: State,
        commands: Commands,
        metrics: AlarmMetrics,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Own nothing yet.

        Args:
            settings: Of the stage.
            rules: Until their file changes.
            delivery: Publishes.
            state: From which a partition is restored.
            commands: Of operators.
            metrics: Counts.
            clock: Monotonic seconds.
            wall_clock: Seconds since the epoch.
        """
        self._settings = settings
        self._topics = settings.alarm_topics
        self._rules = rules
        self._watch = RulesWatch(settings.rules, rules, clock)
        self._delivery = delivery
        self._state = state
        self._commands = commands
        self._metrics = metrics
        self._clock = clock
        self._wall_clock = wall_clock
        self._owned: dict[int, OwnedPartition] = {}
        self._checkpointed_at = self._silence_checked_at = clock()
        self.uncommitted = Unsettled()
        self.reading: int | None = None
        """The partition whose state is being read; for any thread."""

    def own(self, positions: Positions) -> None:
        """Own exactly the partitions of these positions, and restore those that are new.

        Args:
            positions: The next offset to read; nothing beyond it was polled.

        Raises:
            TransientKafkaError: The state cannot be read now.
        """
        before = set(self._owned)
        self.keep(positions)
        for (_, number), offset in positions.items():
            if number not in self._owned:
                self._owned[number] = self._restored(number, offset)
        if before != set(self._owned):
            self._commands.follow({number: one.commands for number, one in self._owned.items()})

    def keep(self, positions: Positions) -> None:
        """Forget the partitions that are not among these positions."""
        kept = {number for _, number in positions}
        self._owned = {number: one for number, one in self._owned.items() if number in kept}

    def dispatch(self, batch: DiagnosisBatch, reason: DispatchReason) -> None:
        """Take the diagnoses of a batch, and clear it."""
        if len(batch):
            self._metrics.batches[reason] += 1
        now = self._clock()
        for each in batch.messages:
            self._observe(each, now)
        self._metrics.windows += len(batch.messages)
        for (_, number), offset in batch.positions.items():
            if number in self._owned:
                self._owned[number].next = offset
        batch.clear()
        if reason is DispatchReason.FINISH:
            self._finish()
        self._settle()

    def take_commands(self) -> None:
        """Carry out the commands that have arrived. The batch must be empty."""
        for each in self._commands.take():
            owned = self._owned.get(each.partition())
            if owned is None or each.offset() < owned.commands:
                continue
            self._metrics.commands += 1
            owned.commands = each.offset() + 1
            self._command(owned, each)
            self._publish_record(each.partition(), owned.commands_record())
        self._settle()

    def write_checkpoint(self) -> None:
        """Write some sensors that changed, if it is time to. The batch must be empty."""
        now = self._clock()
        if now - self._checkpointed_at >= self._settings.checkpoint_interval:
            self._checkpointed_at = now
            for owned in self._owned.values():
                if not owned.unwritten and owned.reflected < owned.next:
                    owned.begin_checkpoint()
        self._write_unwritten(AT_A_TIME)
        self._settle()

    def report_silence(self, is_reachable: Callable[[], bool]) -> None:
        """Raise the alarms of sensors that are silent, if it is time to check.

        Args:
            is_reachable: Whether Kafka would deliver a diagnosis if there were one.
        """
        now = self._clock()
        if now - self._silence_checked_at < SILENCE_INTERVAL:
            return
        self._silence_checked_at = now
        silent = {number: one.silent(now) for number, one in self._owned.items()}
        if not any(silent.values()):
            return
        if not is_reachable():
            # Kafka is silent, and not the sensors: they have their whole timeout again afterwards.
            for owned in self._owned.values():
                owned.arrivals = dict.fromkeys(owned.arrivals, now)
            return
        at = round(self._wall_clock() * 1e6)
        for number, keys in silent.items():
            owned = self._owned[number]
            for key in keys:
                owned.note_silent(key, now)
                self._publish(number, owned.engine.silent(key, at))
        self._settle()

    def follow_rules(self) -> None:
        """Apply the rules anew if their file has changed."""
        try:
            changed = self._watch.changed()
        except RulesError as error:
            events.emit(events.RULES_INVALID, reason=str(error))
            return
        if changed is not None:
            self._rules = changed
            for owned in self._owned.values():
                owned.engine.use(changed)
            events.emit(events.RULES_CHANGED, digest=changed.digest)

    def committed(self) -> None:
        """Count what was published as committed."""
        self._metrics.commits += 1
        self._metrics.alarm_events += self.uncommitted.events
        self.uncommitted = Unsettled()

    def give_up(self) -> None:
        """Forget what was published since the last commit, and with it all state."""
        self.uncommitted = Unsettled()
        self._owned.clear()

    def write_as_stubs(self, refusal: RefusedRecordsError) -> None:
        """Never called: the stage writes no dead letters."""
        raise FatalKafkaError(str(refusal))

    def _restored(self, number: int, offset: int) -> OwnedPartition:
        settings = self._settings
        engine = Engine(self._rules, settings.diagnoses_topic, number, settings.sensor_limit)
        owned = OwnedPartition(engine, offset, offset)
        began = self._clock()
        self.reading = number
        try:
            owned.restore(self._state.read(number), began)
        finally:
            self.reading = None
        self._metrics.restored += len(engine)
        events.emit(
            events.RESTORED,
            partition=number,
            sensors=len(engine),
            seconds=round(self._clock() - began, 3),
        )
        return owned

    def _observe(self, polled: KafkaMessage, now: float) -> None:
        number = polled.partition()
        owned = self._owned[number]
        try:
            seen = read(polled.value(), polled.offset())
        except ObservationError as error:
            if not self._metrics.ignored["unreadable"]:
                events.emit(
                    events.UNREADABLE, partition=number, offset=polled.offset(), reason=str(error)
                )
            self._metrics.ignored["unreadable"] += 1
            return
        found = owned.engine.observe(seen)
        key = owned.engine.key(seen)
        if key:
            owned.arrivals[key] = now
        if found:
            self._publish(number, found)

    def _command(self, owned: OwnedPartition, polled: KafkaMessage) -> None:
        try:
            command = decode(AlarmCommand, readable_headers(polled), polled.value())
        except ValueError:
            self._metrics.ignored["unreadable-command"] += 1
            return
        found = owned.engine.command(command, polled.offset())
        if not found:
            events.emit(events.COMMAND_WITHOUT_ALARM, alarm_id=command.alarm_id, by=command.by)
        self._publish(polled.partition(), found)

    def _publish(self, number: int, found: list[Output]) -> None:
        """Publish alarms and events, and the records of their sensors."""
        for alarm, event in found:
            self._send(self._topics.alarms, encode_alarm(alarm)._replace(partition=number))
            if event is not None:
                self._send(self._topics.events, encode_event(event)._replace(partition=number))
                self.uncommitted.events[f"{event.kind} {event.event}"] += 1
        engine = self._owned[number].engine
        for key in dict.fromkeys(alarm.alarm_id.rpartition(":")[0] for alarm, _ in found):
            if (value := engine.take(key)) is not None:
                self._publish_record(number, sensor_record(key, value))

    def _publish_record(self, number: int, record: Record) -> None:
        self._send(self._topics.state, message(record.key, record.value or b"", number))

    def _send(self, topic: str, sent: Message) -> None:
        if not self.uncommitted.began:
            self.uncommitted.began = int(self._wall_clock() * 1000)
        self._delivery.publish(topic, sent)

    def _write_unwritten(self, most: int) -> None:
        for number, owned in self._owned.items():
            if not owned.unwritten and owned.checkpoint <= owned.reflected:
                continue
            for record in owned.checkpoint_records(most):
                self._publish_record(number, record)
            # Also where nothing was left to write: the offsets are still to be committed.
            self._delivery.open()
            if not owned.unwritten:
                self._metrics.checkpoints += 1

    def _finish(self) -> None:
        """Write what changed before partitions go, unless it is too much for the time there is."""
        for owned in self._owned.values():
            if owned.reflected < owned.next and len(owned.engine.changed) <= AT_A_TIME:
                owned.begin_checkpoint()
        self._write_unwritten(AT_A_TIME)

    def _settle(self) -> None:
        """Bring the offsets that are to be committed up to date, if anything is published."""
        if self._delivery.due_at() is None:
            return
        topic = self._settings.diagnoses_topic
        self.uncommitted.positions = {
            (topic, number): owned.reflected for number, owned in self._owned.items()
        }
        for owned in self._owned.values():
            self._metrics.ignored.update(owned.engine.counts)
            owned.engine.counts.clear()
