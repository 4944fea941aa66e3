"""A plant on a real Kafka: diagnoses of some sensors, the stage as a process, and what it wrote."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.observation import read
from bearing_stream.alarms.rules_file import parse
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.topics import create
from bearing_stream.kafka import create_topics
from bearing_stream.wire import Message
from bearing_stream.wire.alarm import encode_alarm, encode_event
from consumer.events import READY
from tests.bearing_stream.alarms.diagnoses import HEALTHY, INNER, OUTER, START, STEP, diagnosis
from tests.kafka_tools import (
    committed_offsets,
    eventually,
    position,
    produce,
    read_to_end,
    recreate_topic,
)
from tools.chaos.member import Member

RULES = """
bearing-fault = { off_delay = "3s", chatter_period = "1s" }
machine-changed.off_delay = "3s"
sensor-silent.enabled = false
"""


class Plant:
    """Some sensors in two partitions, of which every third has faults that come and go."""

    def __init__(self, servers: str, folder: Path, sensors: int = 30, partitions: int = 2) -> None:
        run = uuid.uuid4().hex[:8]
        self.servers = servers
        self.folder = folder
        self.rules = folder / "alarms.toml"
        self.rules.write_text(RULES)
        self.settings = AlarmSettings.model_validate(
            {
                "bootstrap_servers": servers,
                "diagnoses_topic": f"diagnoses-{run}",
                "alarms_topic": f"alarms-{run}",
                "alarm_events_topic": f"events-{run}",
                "alarm_commands_topic": f"commands-{run}",
                "alarm_state_topic": f"state-{run}",
                "group": f"alarms-{run}",
            }
        )
        create_topics({"bootstrap.servers": servers}, {f"diagnoses-{run}": partitions}, 1)
        create(self.settings)
        self._sensors = sensors
        self._partitions = partitions
        self._windows = self._started = 0

    def arguments(self, *extra: str) -> list[str]:
        named = self.settings.model_dump(include=self.settings.model_fields_set)
        return [
            *(f"--{name.replace('_', '-')}={value}" for name, value in named.items()),
            f"--rules={self.rules}",
            "--checkpoint-interval=0.5",
            "--transaction-timeout=3",
            "--session-timeout=6",
            *extra,
        ]

    def windows(self, count: int) -> None:
        """Diagnose so many further windows of each sensor."""
        produce(self.servers, self.settings.diagnoses_topic, self.messages(count))
        self._windows += count

    def messages(self, count: int) -> Iterator[Message]:
        """The diagnoses of so many further windows of each sensor."""
        for window in range(self._windows, self._windows + count):
            for sensor in range(self._sensors):
                faulty = sensor % 3 == 0 and (window + 7 * sensor) // 40 % 2
                content = diagnosis(
                    START + window * STEP,
                    sensor=f"s-{sensor}",
                    source=f"/plant/machine-{sensor // 4}",
                    window_id=f"{sensor}-{window}",
                    probabilities=(INNER if sensor % 2 else OUTER) if faulty else HEALTHY,
                )
                value = json.dumps(content).encode()
                yield Message(f"s-{sensor}".encode(), value, [], partition=None)

    def committed(self) -> dict[int, int]:
        """Offset up to which diagnoses are reflected, by partition; below 0 where there is none."""
        settings = self.settings
        return committed_offsets(self.servers, settings.own_group, settings.diagnoses_topic)

    def recreate(self, *names: str) -> None:
        """Delete topics, and create them anew."""
        for name in names:
            recreate_topic(self.servers, name, self._partitions)

    @contextmanager
    def stage(self, *extra: str) -> Iterator[Member]:
        """Run the stage; it is killed at the end if it still runs."""
        member = self.member(*extra)
        try:
            member.await_event(READY)
            yield member
        finally:
            member.kill()

    def member(self, *extra: str) -> Member:
        """Start the stage, with a log of its own; who calls this must end it."""
        self._started += 1
        log = self.folder / f"{self._started}.log"
        return Member("bearing_stream", self.arguments(*extra), log, command="alarms")

    def expected(self) -> tuple[list[Any], list[Any]]:
        """The alarms and events that an engine which nothing disturbs makes of the diagnoses."""
        alarms: list[Any] = []
        events: list[Any] = []
        engines = {
            number: Engine(parse(RULES), self.settings.diagnoses_topic, number)
            for number in range(self._partitions)
        }
        for polled in read_to_end(self.servers, self.settings.diagnoses_topic):
            number, offset = position(polled)
            for alarm, event in engines[number].observe(read(polled.value(), offset)):
                alarms.append((number, *encode_alarm(alarm)[:3]))
                if event is not None:
                    events.append((number, *encode_event(event)[:3]))
        return sorted(alarms, key=by_partition), sorted(events, key=by_partition)

    def published(self, topic: str) -> list[Any]:
        """The committed messages of a topic of alarms, in order within a partition."""
        found = [
            (polled.partition(), polled.key(), polled.value(), polled.headers())
            for polled in read_to_end(self.servers, topic)
        ]
        return sorted(found, key=by_partition)

    def await_events(self, count: int) -> None:
        topic = self.settings.alarm_topics.events
        eventually(lambda: len(self.published(topic)) >= count, f"{count} events")


def by_partition(message: Any) -> int:
    """The sort is stable: the order within a partition stays."""
    return int(message[0])
