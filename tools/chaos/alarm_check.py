"""The check of a trial of `alarms`: they are those of a stage that nothing disturbed."""

from typing import Final

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.observation import read
from bearing_stream.alarms.rules import Rules
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.verifying import verify
from bearing_stream.commands.verify import Report
from bearing_stream.kafka import TopicReader
from bearing_stream.wire.alarm import encode_alarm, encode_event

Table = dict[tuple[int, bytes], bytes | None]
"""Partition and key → the latest value; None is a tombstone."""

History = dict[int, list[tuple[bytes, bytes | None]]]
"""Partition → key and value of its messages, in order."""

NO_PARTITION: Final[list[tuple[bytes, bytes | None]]] = []


def check(settings: AlarmSettings, rules: Rules, deleted: frozenset[str]) -> Report:
    """Compare all events, and the latest record of each alarm, byte for byte.

    Args:
        settings: Of the stage.
        rules: Of the stage.
        deleted: Sensors whose alarms and state were deleted: they must not be back.

    Returns:
        In terms of the check of `consume`: `windows` are diagnoses; events that are missing are
        `lost`, those that are unexpected or twice `duplicated`, those of other content `altered`,
        and in another order `out_of_order`; alarms that differ are `unknown`.
    """
    report = verify(settings, rules)
    alarms, events = _expected(settings, rules)
    found = read_history(settings, settings.alarm_topics.events)
    table = latest(settings, settings.alarm_topics.alarms)
    left = {key: value for key, value in table.items() if _sensor(key[1]) not in deleted}
    expected = {key: value for key, value in alarms.items() if _sensor(key[1]) not in deleted}
    returned = [key for key, value in table.items() if _sensor(key[1]) in deleted and value]
    differing = {key for key in left.keys() | expected.keys() if left.get(key) != expected.get(key)}
    return Report(
        windows=report.diagnoses,
        diagnosed=report.events,
        lost=len(report.missing),
        duplicated=len(report.unexpected),
        altered=len(report.different),
        out_of_order=sum(
            found.get(number, NO_PARTITION) != each for number, each in events.items()
        ),
        unknown=len(differing) + len(returned),
    )


def latest(settings: AlarmSettings, topic: str) -> Table:
    """Return the latest record of each key of a compacted topic."""
    return {
        (number, key): value
        for number, messages in read_history(settings, topic).items()
        for key, value in messages
    }


def read_history(settings: AlarmSettings, topic: str) -> History:
    """Return the committed messages of a topic."""
    found: History = {}
    with TopicReader(settings.client_properties(), topic) as reader:
        for message in reader.read(reader.spans()):
            held = found.setdefault(message.partition() or 0, [])
            held.append((message.key() or b"", message.value()))
    return found


def _expected(settings: AlarmSettings, rules: Rules) -> tuple[Table, History]:
    """Return alarms and events that an engine which nothing disturbs makes of the diagnoses."""
    alarms: Table = {}
    events: History = {}
    engines: dict[int, Engine] = {}
    with TopicReader(settings.client_properties(), settings.diagnoses_topic) as reader:
        for message in reader.read(reader.spans()):
            number, offset = message.partition() or 0, message.offset() or 0
            if number not in engines:
                engines[number] = Engine(rules, settings.diagnoses_topic, number)
                events[number] = []
            for alarm, event in engines[number].observe(read(message.value(), offset)):
                made = encode_alarm(alarm)
                alarms[number, made.key or b""] = made.value
                if event is not None:
                    passed = encode_event(event)
                    events[number].append((passed.key or b"", passed.value))
    return alarms, events


def _sensor(key: bytes) -> str:
    return key.decode().rpartition(":")[0]
