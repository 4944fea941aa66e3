"""What the guarantees ask of the two clients, and of the clocks."""

import time
from inspect import signature
from typing import Any

import pytest

from bearing_stream.kafka import ClusterErrors
from consumer.delivery.at_least_once import Flushes
from consumer.delivery.exactly_once import Transactions
from consumer.kafka.clients import new_consumer, new_producer
from consumer.pipeline import Pipeline
from consumer.reporting import Reporter
from consumer.settings import ConsumerSettings


def asked_of(monkeypatch: pytest.MonkeyPatch, **given: Any) -> tuple[dict[str, Any], ...]:
    """The properties that consumer and producer are made with."""
    monkeypatch.setattr("consumer.kafka.clients.Consumer", dict)
    monkeypatch.setattr("consumer.kafka.clients.Producer", dict)
    settings = ConsumerSettings.model_validate(given)
    consumer: Any = new_consumer(settings, ClusterErrors())
    producer: Any = new_producer(settings, ClusterErrors(), "group-id")
    return consumer, producer


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_whatever_the_guarantee(monkeypatch: pytest.MonkeyPatch, guarantee: str) -> None:
    consumer, producer = asked_of(monkeypatch, guarantee=guarantee)
    # Who is killed must not have committed what it only polled.
    assert consumer["enable.auto.commit"] is False
    assert consumer["enable.auto.offset.store"] is False
    # What whoever sends windows has aborted never was.
    assert consumer["isolation.level"] == "read_committed"
    # What a leader acknowledged outlives it, and what is sent again is there once.
    assert producer["acks"] == "all"
    assert producer["enable.idempotence"] is True


def test_exactly_once_has_transactions_that_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    _, producer = asked_of(monkeypatch, transaction_timeout=7)
    assert producer["transactional.id"] == "group-id"
    assert producer["transaction.timeout.ms"] == 7000
    # A message that is not out by then makes its transaction fail, and does not outlive it.
    assert producer["message.timeout.ms"] == 7000


def test_at_least_once_gives_up_no_message_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # What was sent after it would arrive, and be there before it when it is done again.
    _, producer = asked_of(monkeypatch, guarantee="at-least-once")
    assert producer["message.timeout.ms"] == 0
    assert "transactional.id" not in producer


def test_a_named_consumer_is_a_static_member(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer, _ = asked_of(monkeypatch, instance_id="press-7")
    assert consumer["group.instance.id"] == "press-7"
    consumer, _ = asked_of(monkeypatch)
    assert "group.instance.id" not in consumer


def test_members_keep_what_stays_theirs_when_others_come_and_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer, _ = asked_of(monkeypatch, session_timeout=3)
    assert consumer["group.protocol"] == "classic"
    assert consumer["partition.assignment.strategy"] == "cooperative-sticky"
    assert consumer["session.timeout.ms"] == 3000
    assert 0 < consumer["heartbeat.interval.ms"] <= 1000
    consumer, _ = asked_of(monkeypatch, group_protocol="consumer")
    assert consumer["group.protocol"] == "consumer"
    # The broker decides these, and the client refuses them.
    assert not consumer.keys() & {"partition.assignment.strategy", "session.timeout.ms"}


@pytest.mark.parametrize("timed", [Pipeline, Transactions, Flushes, Reporter])
def test_durations_go_by_a_clock_that_does_not_jump(timed: type) -> None:
    assert signature(timed).parameters["clock"].default is time.monotonic
