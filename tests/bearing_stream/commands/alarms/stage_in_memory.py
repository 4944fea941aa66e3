"""The stage without Kafka: what its dispatcher publishes counts once it is committed."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bearing_stream.alarms.rules_file import parse
from bearing_stream.alarms.times import from_microseconds
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.stage.batch import DiagnosisBatch
from bearing_stream.commands.alarms.stage.dispatcher import AlarmDispatcher
from bearing_stream.commands.alarms.stage.figures import AlarmFigures
from bearing_stream.commands.alarms.stage.metrics import AlarmMetrics
from bearing_stream.commands.alarms.stage.readings import AlarmSources
from bearing_stream.commands.alarms.stage.state_topic import Record
from bearing_stream.observability import Distribution
from bearing_stream.wire import Message
from bearing_stream.wire.alarm import PublishedCommand, encode_command
from bearing_stream.wire.alarm_terms import Action
from consumer.metrics import DispatchReason
from tests.bearing_stream.alarms.diagnoses import START, STEP, diagnosis
from tests.kafka_in_memory.polled import Polled

SETTINGS = AlarmSettings()
TOPIC = SETTINGS.diagnoses_topic
PREFIX = "bearing_stream_"


class InMemoryStage:
    """A stage that owns partition 0, its topics, and one clock, which event time follows."""

    def __init__(self, rules: str = "") -> None:
        self.settings = SETTINGS
        self.now = START / 1e6
        self.position = 0
        self.state: list[Record] = []
        self.log_id = self.commands_id = "first"
        self.events: list[Any] = []
        self.responds = True
        self.while_reading: Callable[[], None] = lambda: None
        self._rules = parse(rules)
        self._log: list[Polled] = []
        self._commands: list[Polled] = []
        self.restart()

    def use(self, rules: str) -> None:
        """Let the next process have other rules."""
        self._rules = parse(rules)

    def restart(self) -> None:
        """Let another process take over from what was committed; nothing is read yet."""
        self._pending: list[tuple[str, Message]] = []
        self._is_open = False
        self.sources = AlarmSources(
            metrics=AlarmMetrics(),
            figures=AlarmFigures(lambda: self.now, lambda: self.now),
            topic=TOPIC,
            rules=self._rules.digest,
        )
        stage: Any = self
        self.dispatcher = AlarmDispatcher(
            self.settings,
            self._rules,
            stage,
            stage,
            stage,
            self.sources,
            responds=lambda: self.responds,
            clock=lambda: self.now,
            wall_clock=lambda: self.now,
        )
        self.rewind()

    def rewind(self) -> None:
        """Give up what is not committed, and go back to what is."""
        self._pending.clear()
        self._is_open = False
        self.dispatcher.give_up()
        self.dispatcher.own({(TOPIC, 0): self.position}, self.log_id)
        self.commit()

    def catch_up(self) -> None:
        """Read again what is not reflected."""
        self._dispatch(self._log[self.position :])

    def recreate_diagnoses(self) -> None:
        """Delete the topic of diagnoses, and create it anew; the loop notices and rewinds."""
        self._log.clear()
        self.position, self.log_id = 0, self.log_id + "+"
        self.rewind()

    def recreate_commands(self) -> None:
        """The same with the topic of commands."""
        self._commands.clear()
        self.commands_id += "+"
        self.rewind()

    def feed(self, seconds: float, *sensors: str, **fields: Any) -> None:
        """Diagnose windows of sensors for a while."""
        end = self.now + seconds
        while self.now + STEP / 1e6 <= end:
            self.now += STEP / 1e6
            for sensor in sensors or ("pump-7",):
                content = diagnosis(round(self.now * 1e6), **({"sensor": sensor} | fields))
                sent = Message(sensor.encode(), json.dumps(content).encode(), [])
                self._log.append(Polled(sent, 0, len(self._log), topic_name=TOPIC))
                self._dispatch(self._log[-1:])
        self.now = end

    def command(
        self, action: Action, alarm_id: str, hours: float | None = None, reason: str = ""
    ) -> None:
        """Let an operator give a command now."""
        at = round(self.now * 1e6)
        sent = PublishedCommand(
            command_id=f"command-{self.commands_id}-{len(self._commands)}",
            alarm_id=alarm_id,
            action=action,
            by="ann",
            reason=reason,
            at=from_microseconds(at),
            until=None if hours is None else from_microseconds(at + round(hours * 3.6e9)),
        )
        message = Polled(encode_command(sent), 0, len(self._commands), topic_name="commands")
        self._commands.append(message)
        self.dispatcher.take_commands()

    def checkpoint(self) -> None:
        """Let the time for a checkpoint come, and commit it."""
        self.now += SETTINGS.checkpoint_interval
        self.dispatcher.write_checkpoint()
        self.commit()

    def finish(self) -> None:
        """Finish what is in flight, as before partitions go, and commit it."""
        self.dispatcher.dispatch(DiagnosisBatch(1, 0), DispatchReason.FINISH)
        self.commit()

    @property
    def end(self) -> int:
        """The offset after the latest diagnosis."""
        return len(self._log)

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open."""
        return self._is_open

    def commit(self) -> None:
        """Commit what was published."""
        if not self._is_open:
            return
        state = SETTINGS.alarm_topics.state
        self.state += [
            Record(m.key or b"", m.value) for topic, m in self._pending if topic == state
        ]
        self.events += [
            json.loads(m.value or b"")
            for topic, m in self._pending
            if topic == SETTINGS.alarm_topics.events
        ]
        self.position = self.dispatcher.uncommitted.positions[TOPIC, 0]
        self._pending.clear()
        self._is_open = False
        self.dispatcher.committed()

    def readings(self) -> dict[tuple[str, tuple[str, ...]], float | Distribution]:
        """Name without the prefix, and labels → value."""
        found = list(self.sources.readings())
        values = {(one.metric.name.removeprefix(PREFIX), one.labels): one.value for one in found}
        assert len(values) == len(found)
        return values

    def value(self, name: str, *labels: str) -> float | Distribution:
        """Return the value of a metric of the stage."""
        return self.readings()[f"alarms_{name}", labels]

    def _dispatch(self, messages: Iterable[Polled]) -> None:
        batch = DiagnosisBatch(1000, 0)
        for message in messages:
            batch.add(message, self.now)
        self.dispatcher.dispatch(batch, DispatchReason.CAUGHT_UP)

    # Of `Delivery`.

    def publish(self, topic: str, message: Message) -> None:
        self._is_open = True
        self._pending.append((topic, message))

    def open(self) -> None:
        self._is_open = True

    def due_at(self) -> float | None:
        return self.now if self._is_open else None

    # Of the topic of state.

    def read(self, partition: int) -> Iterator[Record]:
        assert partition == 0
        self.while_reading()
        return iter(self.state)

    # Of the topic of commands.

    def topic_id(self) -> str:
        return self.commands_id

    def follow(self, offsets: Mapping[int, int]) -> None:
        self._followed = offsets[0]

    def take(self) -> list[Polled]:
        found, self._followed = self._commands[self._followed :], len(self._commands)
        return found
