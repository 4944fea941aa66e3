"""What is committed, when Kafka refuses, rebalances, or is away; its client is in memory."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, KafkaError, KafkaException, TopicPartition

from bearing_stream.commands.alarms.notify import kafka_source
from bearing_stream.commands.alarms.notify.kafka_source import KafkaSource
from bearing_stream.kafka import ConnectionSettings, FatalKafkaError

TOPIC = "events"


class Polled:
    """A message, or an error in place of one."""

    def __init__(self, partition: int = 0, offset: int = 0, error: int | None = None) -> None:
        self._place = partition, offset
        self._error = error

    def error(self) -> KafkaError | None:
        return None if self._error is None else KafkaError(self._error, "oops")

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_CREATE_TIME, 1500

    def headers(self) -> list[Any]:
        return []

    def value(self) -> bytes:
        return b"{}"


class Client:
    """The Kafka client and the offsets of its group; `polls` are messages or rebalances."""

    def __init__(self) -> None:
        self.offsets: dict[int, int] = {}
        self.ends = {0: 10, 1: 20}
        self.refusals: deque[int] = deque()
        self.polls: deque[Polled | Callable[[], None]] = deque()
        self.paused: set[int] = set()
        self.on: dict[str, Any] = {}

    def list_topics(self, topic: str, _timeout: float) -> Any:
        return type("Metadata", (), {"topics": {topic: type("Topic", (), {"partitions": {0, 1}})}})

    def committed(self, places: list[TopicPartition], _timeout: float) -> list[TopicPartition]:
        return [
            TopicPartition(TOPIC, p.partition, self.offsets.get(p.partition, -1001)) for p in places
        ]

    def offsets_for_times(self, asked: list[TopicPartition], _timeout: float) -> Any:
        ends = {-1: self.ends, -2: dict.fromkeys(self.ends, 0)}
        return [TopicPartition(TOPIC, p.partition, ends[p.offset][p.partition]) for p in asked]

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        error = KafkaError(self.refusals.popleft(), "oops") if self.refusals else None
        if error is None:
            self.offsets |= {each.partition: each.offset for each in offsets}
        if asynchronous:
            # As the client does: the response comes in a later poll.
            self.polls.append(lambda: self.on["commit"](error, offsets))
        elif error is not None:
            raise KafkaException(error)
        return offsets

    def subscribe(self, topics: list[str], **on: Any) -> None:
        assert topics == [TOPIC]
        self.on |= on

    def poll(self, _timeout: float) -> Polled | None:
        found = self.polls.popleft() if self.polls else None
        if isinstance(found, Polled) or found is None:
            return found
        found()
        return None

    def pause(self, places: list[TopicPartition]) -> None:
        self.paused |= {each.partition for each in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self.paused -= {each.partition for each in places}

    def close(self) -> None:
        self.rebalance("on_revoke", 0, 1)

    def rebalance(self, what: str, *partitions: int) -> None:
        self.on[what](self, [TopicPartition(TOPIC, number) for number in partitions])


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    client = Client()

    def create(*arguments: Any) -> Client:
        client.on["commit"] = arguments[-1]
        return client

    monkeypatch.setattr(kafka_source, "_consumer", create)
    monkeypatch.setattr(kafka_source, "RETRY", 0.001)
    return client


def opened(client: Client, start_from: Any = "latest") -> tuple[KafkaSource, list[str]]:
    """Return a source that owns both partitions, and what it reports."""
    reports: list[str] = []
    source = KafkaSource(
        ConnectionSettings(), TOPIC, "group", start_from, reports.append, threading.Event()
    )
    source.open()
    client.rebalance("on_assign", 0, 1)
    return source, reports


def test_a_new_group_begins_at_the_end_or_at_the_beginning(client: Client) -> None:
    opened(client)
    assert client.offsets == {0: 10, 1: 20}
    client.offsets = {}
    opened(client, "earliest")
    assert client.offsets == {0: 0, 1: 0}


def test_a_group_that_exists_keeps_its_offsets(client: Client) -> None:
    client.offsets = {0: 3}
    opened(client)
    assert client.offsets == {0: 3}, "a partition that was added is read from its beginning"


def test_another_process_of_the_group_has_committed_the_begin(client: Client) -> None:
    client.refusals.append(KafkaError.UNKNOWN_MEMBER_ID)
    _, reports = opened(client)
    assert (client.offsets, reports) == ({}, [])


def test_the_begin_is_tried_again_while_kafka_is_away(client: Client) -> None:
    client.refusals.extend([KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._TIMED_OUT])
    _, reports = opened(client)
    assert client.offsets == {0: 10, 1: 20}
    assert len(reports) == 2, "each kind once"


def test_a_commit_is_tried_again_until_kafka_has_it(client: Client) -> None:
    source, reports = opened(client)
    source.done(0, 10)
    client.refusals.extend([KafkaError.REBALANCE_IN_PROGRESS] * 3)
    source.commit()
    assert client.offsets == {0: 11, 1: 20}
    assert len(reports) == 1
    assert client.paused == {0, 1}
    client.polls.append(Polled(0, 11))
    record = source.next(0.1)
    assert record is not None
    assert record.written_at == 1.5
    assert client.paused == set()


def test_what_is_another_s_is_not_committed(client: Client) -> None:
    source, _ = opened(client)
    source.done(0, 10)
    source.done(1, 20)
    client.refusals.append(KafkaError.ILLEGAL_GENERATION)
    client.polls.append(lambda: client.rebalance("on_lost", 0))
    source.commit()
    assert client.refusals == deque()
    assert client.offsets == {0: 10, 1: 21}
    source.done(0, 11)
    source.commit()
    assert client.offsets == {0: 10, 1: 21}


def test_what_is_done_is_committed_before_partitions_go(client: Client) -> None:
    source, _ = opened(client)
    source.done(0, 10)
    before = source.assignment
    client.rebalance("on_revoke", 0)
    assert client.offsets == {0: 11, 1: 20}
    assert source.partitions() == {1}
    assert source.assignment != before


def test_a_refusal_that_is_fatal_is_raised(client: Client) -> None:
    source, _ = opened(client)
    source.done(0, 10)
    client.refusals.append(KafkaError.GROUP_AUTHORIZATION_FAILED)
    with pytest.raises(FatalKafkaError, match="grant READ on the group"):
        source.commit()
    client.polls.append(Polled(error=KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(FatalKafkaError, match="grant READ"):
        source.next(0.1)


def test_an_error_of_kafka_is_reported_and_reading_goes_on(client: Client) -> None:
    source, reports = opened(client)
    client.polls.extend([Polled(error=KafkaError._TRANSPORT), Polled(1, 20)])
    assert source.next(0.1) is None
    found = source.next(0.1)
    assert found is not None
    assert (found.partition, found.offset, len(reports)) == (1, 20, 1)


def test_while_messages_wait_for_the_receiver_none_is_taken_or_lost(client: Client) -> None:
    source, _ = opened(client)
    # A partition that was just added is not paused yet.
    client.polls.extend([Polled(1, 20), lambda: client.rebalance("on_assign", 2), Polled(2, 0)])
    source.keep(0.01)
    assert client.paused == {0, 1, 2}
    found = [source.next(0.1), source.next(0.1), source.next(0.1)]
    assert [each and each[:2] for each in found] == [(1, 20), (2, 0), None]


def test_messages_of_partitions_that_went_are_left_to_others(client: Client) -> None:
    source, _ = opened(client)
    client.polls.extend([Polled(0, 10), Polled(1, 20), lambda: client.rebalance("on_lost", 0)])
    source.keep(0.01)
    found = source.next(0.1)
    assert found is not None
    assert found.partition == 1
    assert source.next(0.1) is None


def test_a_partition_that_went_while_it_was_paused_is_read_when_it_is_back(client: Client) -> None:
    source, _ = opened(client)
    client.polls.append(lambda: client.rebalance("on_lost", 0, 1))
    source.keep(0.01)
    assert source.next(0.1) is None
    client.rebalance("on_assign", 0)
    # In librdkafka it is still paused.
    assert client.paused == {0, 1}
    client.polls.append(Polled(0, 10))
    assert source.next(0.1) is not None
    assert client.paused == {1}


def test_a_stop_ends_the_attempts_to_commit(client: Client) -> None:
    stopping = threading.Event()
    source = KafkaSource(ConnectionSettings(), TOPIC, "group", "latest", print, stopping)
    source.open()
    client.rebalance("on_assign", 0)
    source.done(0, 10)
    stopping.set()
    client.refusals.extend([KafkaError._TIMED_OUT] * 1000)
    source.commit()
    assert client.offsets[0] == 10


def test_the_client_is_as_the_guarantee_needs_it() -> None:
    given = ConnectionSettings.model_validate({"kafka": {"enable.auto.commit": "true"}})
    properties: dict[str, Any] = {}

    def note(found: dict[str, Any]) -> None:
        properties.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka_source, "Consumer", note)
        KafkaSource(given, TOPIC, "group", "latest", print, threading.Event())
    assert properties["enable.auto.commit"] is False
    assert properties["isolation.level"] == "read_committed"
    assert properties["group.id"] == "group"
    wrong = ConnectionSettings.model_validate({"kafka": {"no.such.property": "1"}})
    with pytest.raises(FatalKafkaError, match="No such configuration property"):
        KafkaSource(wrong, TOPIC, "group", "latest", print, threading.Event())
