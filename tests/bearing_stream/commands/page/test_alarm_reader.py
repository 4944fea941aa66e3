"""The thread that follows the topic of alarms: what is known of them in each case."""

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError

from bearing_stream.commands.page import alarm_reader
from bearing_stream.commands.page.alarm_reader import AlarmThread, Reading
from bearing_stream.commands.page.alarm_table import AlarmTable
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import Message
from bearing_stream.wire.alarm import PublishedAlarm, encode_alarm
from tests.bearing_stream.commands.page.alarm_examples import acknowledged, alarm
from tests.kafka_in_memory.polled import Polled

ALARM = "pump-7:bearing-fault"


def record(row: Any) -> Message:
    return encode_alarm(PublishedAlarm.model_validate(row.alarm.model_dump()))


TOMBSTONE = Message(ALARM.encode(), None, [])

NO_ALARM = Message(b"x", b"{}", [])


class Follower:
    """Reads what a test has put into a topic, in place of a `TopicFollower`.

    Each of `rounds` is what one `read` returns, or the error that it raises; after the last one the
    thread is stopped.
    """

    def __init__(self, thread: AlarmThread, rounds: Iterator[Any], states: list[Reading]) -> None:
        self.topic_error: KafkaError | None = None
        self.left: int | None = None
        self._thread = thread
        self._rounds = rounds
        self._states = states

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, *_: object) -> None:
        self._states.append(self._thread.reading)

    def read(self) -> list[Polled]:
        self._states.append(self._thread.reading)
        self.topic_error, self.left = None, 0
        found = next(self._rounds, None)
        if found is None:
            self._thread._stopping.set()
            return []
        if isinstance(found, FatalKafkaError):
            raise found
        if isinstance(found, KafkaError):
            self.topic_error, self.left = found, None
            return []
        return [Polled(each, 3, 0) for each in found]

    def lag(self) -> int | None:
        return self.left


def follow(monkeypatch: pytest.MonkeyPatch, *rounds: Any, most: int = 10) -> Any:
    """Run the thread on what a test has; return it, and what it knew before each round."""
    thread, states = AlarmThread(PageSettings(), AlarmTable(most)), list[Reading]()
    left = iter(rounds)
    monkeypatch.setattr(alarm_reader, "TopicFollower", lambda *_: Follower(thread, left, states))
    monkeypatch.setattr(alarm_reader, "CHECK_INTERVAL", 0.0)
    monkeypatch.setattr(alarm_reader, "RETRY_INTERVAL", 0.0)
    monkeypatch.setattr(alarm_reader, "REREAD_INTERVAL", 0.0)
    thread.run()
    return thread, [each.state for each in states]


def test_alarms_are_kept_up_to_date_and_what_is_no_alarm_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised, other = alarm(), alarm("pump-8")
    thread, _ = follow(monkeypatch, [record(raised), NO_ALARM, record(other)])
    assert (len(thread.table), thread.unreadable) == (2, 1)
    assert thread.table.find(ALARM) == raised
    thread, _ = follow(monkeypatch, [record(raised)], [record(acknowledged(raised))])
    assert thread.table.find(ALARM).alarm.acked
    cleared = acknowledged(alarm(active=False))
    for last in (record(cleared), TOMBSTONE):
        thread, _ = follow(monkeypatch, [record(raised)], [last])
        assert len(thread.table) == 0
    assert thread.status() | {"detail": ""} == {
        "topic": "bearing.alarms",
        "state": "read",
        "detail": "",
        "cut": False,
        "unreadable": 0,
    }


def test_a_topic_that_is_created_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
    thread, states = follow(monkeypatch, missing, missing, [record(alarm())])
    assert states == ["reading", "missing", "missing", "read", "read"]
    assert len(thread.table) == 1


@pytest.mark.parametrize(
    "refusal",
    [FatalKafkaError("grant READ"), KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)],
)
def test_a_topic_that_refuses_is_named_and_read_once_it_permits_it(
    monkeypatch: pytest.MonkeyPatch, refusal: Any
) -> None:
    thread, states = follow(monkeypatch, [record(alarm())], refusal, [record(alarm("pump-8"))])
    assert (states.count("refused") > 0, states[-1]) == (True, "read")
    assert thread.table.find("pump-8:bearing-fault")


def test_alarms_that_were_left_out_are_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = [record(alarm(f"s-{number}")) for number in range(7)]
    over = [record(acknowledged(alarm(f"s-{number}", active=False))) for number in range(6)]
    thread, _ = follow(monkeypatch, flood, over, [*over, flood[6]], most=6)
    assert thread.table.find("s-6:bearing-fault")
    assert not thread.status()["cut"]
