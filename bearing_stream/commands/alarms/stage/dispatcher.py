"""Feeds the engines with what was polled, and publishes what that changes."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from bearing_stream.alarms import commands
from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.observation import ObservationError, read
from bearing_stream.alarms.rules import Rules
from bearing_stream.alarms.rules_file import RulesError, RulesWatch
from bearing_stream.alarms.sensor import Logs
from bearing_stream.commands.alarms import events
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.stage.batch import DiagnosisBatch
from bearing_stream.commands.alarms.stage.outbox import Outbox, Unsettled
from bearing_stream.commands.alarms.stage.partition import OwnedPartition
from bearing_stream.commands.alarms.stage.readings import AlarmSources, State
from bearing_stream.commands.alarms.stage.state_topic import Record
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.logs import Event
from bearing_stream.wire.alarm import AlarmCommand, decode
from bearing_stream.wire.reading import readable_headers
from consumer.delivery.base import Delivery, RefusedRecordsError
from consumer.messages import KafkaMessage, Positions
from consumer.metrics import DispatchReason

AT_A_TIME: Final = 2000
"""Records of a checkpoint that are written in one round: a few megabytes."""

SILENCE_INTERVAL: Final = 1.0
"""Seconds between two checks for silent sensors."""


class Commands(Protocol):
    """The topic of commands; see `command_topic.CommandTopic`."""

    def topic_id(self) -> str | None: ...  # noqa: D102
    def follow(self, offsets: Mapping[int, int]) -> None: ...  # noqa: D102
    def take(self) -> Iterable[KafkaMessage]: ...  # noqa: D102


class StateReader(Protocol):
    """The topic of state; see `state_topic.StateTopic`."""

    def read(self, partition: int) -> Iterable[Record]: ...  # noqa: D102


class AlarmDispatcher:
    """Owns the alarms of the assigned partitions; see `consumer.pipeline.Dispatching`."""

    def __init__(
        self,
        settings: AlarmSettings,
        rules: Rules,
        delivery: Delivery,
        state: StateReader,
        commands: Commands,
        sources: AlarmSources,
        *,
        responds: Callable[[], bool] = lambda: True,
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
            sources: Takes what is counted.
            responds: Whether Kafka responds now; it returns in bounded time.
            clock: Monotonic seconds.
            wall_clock: Seconds since the epoch.
        """
        self._settings = settings
        self._rules = rules
        self._watch = RulesWatch(settings.rules, rules, clock)
        self._reader = state
        self._commands = commands
        self._sources = sources
        self._metrics = sources.metrics
        self._figures = sources.figures
        self._responds = responds
        self._clock = clock
        self._wall_clock = wall_clock
        self._owned: dict[int, OwnedPartition] = {}
        self._checkpointed_at = self._silence_checked_at = clock()
        self._outbox = Outbox(settings.alarm_topics, delivery, wall_clock)
        self.reading: int | None = None
        """The partition whose state is being read; for any thread."""

    @property
    def uncommitted(self) -> Unsettled:
        """What was published since the last commit."""
        return self._outbox.unsettled

    def own(self, positions: Positions, log: str | None) -> None:
        """Own exactly the partitions of these positions, and restore those that are new.

        Args:
            positions: The next offset to read; nothing beyond it was polled.
            log: Id of the topic that the positions belong to; None if unknown.

        Raises:
            TransientKafkaError: The state cannot be read now.
            FatalKafkaError: It is that of another group, or of a later version.
        """
        before = set(self._owned)
        self.keep(positions)
        numbers = {number: offset for (_, number), offset in positions.items()}
        if missing := numbers.keys() - self._owned:
            logs = Logs(log, self._commands.topic_id())
            for number in missing:
                owned = self._restored(number, numbers[number], logs)
                if (claim := owned.claim(self._settings)) is not None:
                    self._outbox.write(number, owned, claim)
                self._owned[number] = owned
                self._clear_disabled(number, owned)
            self._settle()
        if before != set(self._owned):
            self._commands.follow({number: one.commands for number, one in self._owned.items()})

    def keep(self, positions: Positions) -> None:
        """Forget the partitions that are not among these positions."""
        kept = {number for _, number in positions}
        self._owned = {number: one for number, one in self._owned.items() if number in kept}
        self._figures.keep(kept)
        self._sources.keep(kept)

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
            self._outbox.write(each.partition(), owned, owned.commands_record())
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
        waited, self._silence_checked_at = now - self._silence_checked_at, now
        for _, number in self._sources.blocked():
            if number in self._owned:
                self._owned[number].pass_over(waited)
        silent = {number: one.silent(now) for number, one in self._owned.items()}
        if not any(silent.values()):
            return
        if not is_reachable():
            # Kafka is silent, and not the sensors: they have their whole timeout again afterwards.
            for owned in self._owned.values():
                owned.restart_timeouts(now)
            return
        at = round(self._wall_clock() * 1e6)
        for number, keys in silent.items():
            owned = self._owned[number]
            for key in keys:
                owned.note_silent(key, now)
                self._outbox.publish(number, owned, owned.engine.silent(key, at))
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
            self._sources.rules = changed.digest
            for number, owned in self._owned.items():
                owned.engine.use(changed)
                self._clear_disabled(number, owned)
            self._settle()
            events.emit(events.RULES_CHANGED, digest=changed.digest)

    def committed(self) -> None:
        """Count what was published as committed."""
        done, self._outbox.unsettled = self._outbox.unsettled, Unsettled()
        self._metrics.commits += 1
        self._metrics.reflected += done.diagnoses
        self._metrics.alarm_events.update(
            f"{one.event.kind} {one.event.event}" for one in done.occurrences
        )
        self._figures.committed(done.occurrences, done.changes)
        for (_, number), offset in done.positions.items():
            if number in self._owned:
                self._note_state(number, self._owned[number], offset)

    def give_up(self) -> None:
        """Forget what was published since the last commit, and with it all state."""
        self._outbox.unsettled = Unsettled()
        self._owned.clear()

    def write_as_stubs(self, refusal: RefusedRecordsError) -> None:
        """Never called: the stage writes no dead letters."""
        raise FatalKafkaError(str(refusal))

    def _restored(self, number: int, offset: int, logs: Logs) -> OwnedPartition:
        settings = self._settings
        engine = Engine(self._rules, settings.diagnoses_topic, number, settings.sensor_limit, logs)
        owned = OwnedPartition(engine, offset, offset, log=logs.commands)
        began = self._clock()
        self.reading = number
        try:
            owned.restore(self._reader.read(number), began)
            alarms = [*engine.alarms()]
        finally:
            self.reading = None
        seconds = self._clock() - began
        self._metrics.restored += len(engine)
        self._figures.restored(number, alarms, seconds)
        self._note_state(number, owned, offset)
        events.emit(
            events.RESTORED, partition=number, sensors=len(engine), seconds=round(seconds, 3)
        )
        return owned

    def _clear_disabled(self, number: int, owned: OwnedPartition) -> None:
        """Clear the alarms of silence that are disabled now: no diagnosis may come to do so."""
        at = round(self._wall_clock() * 1e6)
        for key in owned.engine.disabled_silence():
            self._outbox.publish(number, owned, owned.engine.silent(key, at))

    def _note_state(self, number: int, owned: OwnedPartition, offset: int) -> None:
        self._sources.state[number] = State(offset, len(owned.sizes), owned.size)

    def _observe(self, polled: KafkaMessage, now: float) -> None:
        number = polled.partition()
        owned = self._owned[number]
        owned.taken += 1
        try:
            seen = read(polled.value(), polled.offset())
            found = owned.engine.observe(seen)
        except Exception as error:
            # No message ends the process: it would end at each restart too.
            self._note_unreadable(polled, events.UNREADABLE, error)
            return
        key = owned.engine.key(seen)
        if key:
            owned.arrivals[key] = now
        if found:
            self._outbox.publish(number, owned, found)

    def _note_unreadable(self, polled: KafkaMessage, event: Event, error: Exception) -> None:
        """Count a message that has no effect, and log the first of its kind."""
        kind = "unreadable" if event is events.UNREADABLE else "unreadable-command"
        if not self._metrics.ignored[kind]:
            is_known = isinstance(error, ObservationError)
            reason = str(error) if is_known else f"{type(error).__name__}: {error}"
            events.emit(
                event, partition=polled.partition(), offset=polled.offset(), reason=reason[:500]
            )
        self._metrics.ignored[kind] += 1

    def _command(self, owned: OwnedPartition, polled: KafkaMessage) -> None:
        try:
            command = decode(AlarmCommand, readable_headers(polled), polled.value())
            commands.check(command, polled.timestamp()[1])
            unknown = owned.engine.counts["unknown-alarm"]
            found = owned.engine.command(command, polled.offset())
        except Exception as error:
            self._note_unreadable(polled, events.UNREADABLE_COMMAND, error)
            return
        if owned.engine.counts["unknown-alarm"] > unknown:
            events.emit(events.COMMAND_WITHOUT_ALARM, alarm_id=command.alarm_id, by=command.by)
        self._outbox.publish(polled.partition(), owned, found, command.at.timestamp())

    def _write_unwritten(self, most: int) -> None:
        for number, owned in self._owned.items():
            if not owned.is_being_written:
                continue
            for record in owned.checkpoint_records(most):
                self._outbox.write(number, owned, record)
            # Also where nothing was left to write: the offsets are still to be committed.
            self._outbox.open()
            if not owned.unwritten:
                self._metrics.checkpoints += 1

    def _finish(self) -> None:
        """Write what changed before partitions go, unless it is too much for the time there is.

        Without Kafka it is not begun: the attempt would take all of that time. Who owns the
        partitions next reads again what is not reflected.
        """
        changed = [
            owned
            for owned in self._owned.values()
            if owned.reflected < owned.next and len(owned.engine.changed) <= AT_A_TIME
        ]
        if not (changed or any(owned.is_being_written for owned in self._owned.values())):
            return
        if not (self._outbox.is_open or self._responds()):
            return
        for owned in changed:
            owned.begin_checkpoint()
        self._write_unwritten(AT_A_TIME)

    def _settle(self) -> None:
        """Bring the offsets that are to be committed up to date, if anything is published."""
        for number, owned in self._owned.items():
            for key, reason in owned.engine.unreadable.items():
                events.emit(
                    events.UNREADABLE_STATE, partition=number, key=key[:200], reason=reason[:500]
                )
            owned.engine.unreadable.clear()
        if not self._outbox.is_open:
            return
        topic = self._settings.diagnoses_topic
        self.uncommitted.positions = {
            (topic, number): owned.reflected for number, owned in self._owned.items()
        }
        for owned in self._owned.values():
            if owned.engine.counts["untracked"] and not self._metrics.ignored["untracked"]:
                events.emit(events.SENSOR_LIMIT, sensor_limit=self._settings.sensor_limit)
            self._metrics.ignored.update(owned.engine.counts)
            owned.engine.counts.clear()
            self.uncommitted.diagnoses += owned.settled
            owned.settled = 0
