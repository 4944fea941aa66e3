"""`alarms verify` finds nothing wrong after whatever operators and the clock did."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Self

import pytest

from bearing_stream.alarms.rules_file import parse
from bearing_stream.alarms.times import from_microseconds
from bearing_stream.commands.alarms import verifying
from bearing_stream.commands.alarms.settings import CheckSettings
from bearing_stream.wire import Message
from bearing_stream.wire.alarm import PublishedCommand, encode_command, encode_event
from bearing_stream.wire.alarm_terms import Action
from tests.bearing_stream.alarms.diagnoses import OUTER, diagnosis
from tests.bearing_stream.alarms.world import World
from tests.kafka_in_memory.polled import Polled

SETTINGS = CheckSettings()

SILENT = "pump-7:sensor-silent"


class Topics:
    """An engine, and the topics that it reads and writes."""

    def __init__(self, rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._rules = parse(rules)
        self.world = World(rules, topic=SETTINGS.diagnoses_topic)
        self._records: dict[str, list[Polled]] = defaultdict(list)
        records = self._records

        class Reader:
            def __init__(self, _properties: Any, topic: str) -> None:
                self._topic = topic

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def spans(self) -> None:
                return None

            def read(self, _spans: None) -> Iterator[Polled]:
                yield from records[self._topic]

        monkeypatch.setattr(verifying, "TopicReader", Reader)

    def feed(self, seconds: float, **fields: Any) -> None:
        """Diagnoses for a while of event time."""
        before = self.world.offset
        begin = self.world.time
        self.world.feed(seconds, **fields)
        count = self.world.offset - before
        for number in range(count):
            time = begin + (number + 1) * (self.world.time - begin) // count
            value = json.dumps(diagnosis(time, **fields)).encode()
            self._add(SETTINGS.diagnoses_topic, Message(b"", value, []))

    def shelve(self, alarm_id: str, seconds: float) -> None:
        """Shelve an alarm from now on, in event time."""
        world = self.world
        world.commands += 1
        command = PublishedCommand(
            command_id=f"command-{world.commands}",
            alarm_id=alarm_id,
            action=Action.SHELVE,
            by="ann",
            at=from_microseconds(world.time),
            until=from_microseconds(world.time + round(seconds * 1e6)),
        )
        world.outputs += world.engine.command(command, world.commands)
        self._add(SETTINGS.alarm_topics.commands, encode_command(command))

    def verify(self) -> dict[str, Any]:
        """Check what the engine has published."""
        for output in self.world.outputs:
            if output.event is not None:
                self._add(SETTINGS.alarm_topics.events, encode_event(output.event))
        return verifying.verify(SETTINGS, self._rules).as_json()

    def _add(self, topic: str, message: Message) -> None:
        records = self._records[topic]
        records.append(Polled(message, offset_number=len(records)))


def test_a_shelving_that_ends_while_the_sensor_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = Topics("", monkeypatch)
    topics.feed(10, probabilities=OUTER)
    assert topics.world.silent() == ["sensor-silent raised", "bearing-fault masked"]
    topics.shelve(SILENT, 60)
    assert topics.world.events()[-1] == "bearing-fault unmasked"
    assert topics.world.silent(after=90) == ["sensor-silent unshelved", "bearing-fault masked"]
    topics.feed(10, probabilities=OUTER)
    found = topics.verify()
    assert found["events"] == len(topics.world.events())
    assert [found[name]["count"] for name in ("missing", "unexpected", "different")] == [0, 0, 0]
