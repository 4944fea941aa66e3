"""The properties of the two clients, and the clocks, that the guarantees depend on."""

import time
from inspect import signature
from typing import Any

import pytest

from bearing_stream.kafka import ClusterErrors
from consumer.delivery.at_least_once import AtLeastOnce
from consumer.delivery.exactly_once import ExactlyOnce
from consumer.kafka.clients import new_consumer, new_producer
from consumer.pipeline import Pipeline
from consumer.reporting import Reporter
from consumer.settings import ConsumerSettings


def properties_of(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> tuple[dict[str, Any], ...]:
    """Return the properties of the consumer and of the producer."""
    monkeypatch.setattr("consumer.kafka.clients.Consumer", dict)
    monkeypatch.setattr("consumer.kafka.clients.Producer", dict)
    validated = ConsumerSettings.model_validate(settings)
    consumer: Any = new_consumer(validated, ClusterErrors())
    transactional_id = "group-id" if validated.is_transactional else None
    producer: Any = new_producer(validated, ClusterErrors(), transactional_id=transactional_id)
    return consumer, producer


@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_both_guarantees_need_these_properties(
    monkeypatch: pytest.MonkeyPatch, guarantee: str
) -> None:
    consumer, producer = properties_of(monkeypatch, guarantee=guarantee)
    # A consumer that is killed must not have committed what it only polled.
    assert consumer["enable.auto.commit"] is False
    assert consumer["enable.auto.offset.store"] is False
    # Windows of an aborted transaction are not windows.
    assert consumer["isolation.level"] == "read_committed"
    # An acknowledged message survives its leader, and a retry does not duplicate it.
    assert producer["acks"] == "all"
    assert producer["enable.idempotence"] is True
    # Subscribers that join by key are co-partitioned with what Java clients write.
    assert producer["partitioner"] == "murmur2_random"


@pytest.mark.parametrize("partitions", [1, 3, 4, 5, 12, 100, 256, 500, 4000])
def test_a_response_has_a_share_of_each_partition(
    monkeypatch: pytest.MonkeyPatch, partitions: int
) -> None:
    monkeypatch.setattr("consumer.kafka.clients.Consumer", dict)
    settings = ConsumerSettings.model_validate({})
    consumer: Any = new_consumer(settings, ClusterErrors(), partitions=partitions)
    share, most = consumer["max.partition.fetch.bytes"], consumer["fetch.max.bytes"]
    assert share * partitions <= most
    # One window of float32 with its headers, in a batch of its own.
    assert share > 8192 + 1024


def test_a_user_can_set_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = {"max.partition.fetch.bytes": "2000000", "fetch.max.bytes": "9000000"}
    consumer, _ = properties_of(monkeypatch, kafka=kafka)
    assert kafka.items() <= consumer.items()


def test_exactly_once_has_transactions_that_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    _, producer = properties_of(monkeypatch, transaction_timeout=7)
    assert producer["transactional.id"] == "group-id"
    assert producer["transaction.timeout.ms"] == 7000
    # A message that is not sent by then fails its transaction, and does not outlive it.
    assert producer["message.timeout.ms"] == 7000


@pytest.mark.parametrize("timeout", [1, 7, 900])
def test_the_client_takes_any_timeout_of_transactions(timeout: int) -> None:
    settings = ConsumerSettings.model_validate({"transaction_timeout": timeout})
    # It raises where librdkafka refuses a property.
    new_producer(settings, ClusterErrors(), transactional_id="group-id")


def test_at_least_once_lets_no_message_time_out_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # Later messages would be delivered before it is redelivered, out of order.
    _, producer = properties_of(monkeypatch, guarantee="at-least-once")
    assert producer["message.timeout.ms"] == 0
    assert "transactional.id" not in producer


def test_a_named_consumer_is_a_static_member(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer, _ = properties_of(monkeypatch, instance_id="press-7")
    assert consumer["group.instance.id"] == "press-7"
    consumer, _ = properties_of(monkeypatch)
    assert "group.instance.id" not in consumer


def test_members_keep_their_partitions_when_others_join_and_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer, _ = properties_of(monkeypatch, session_timeout=3)
    assert consumer["group.protocol"] == "classic"
    assert consumer["partition.assignment.strategy"] == "cooperative-sticky"
    assert consumer["session.timeout.ms"] == 3000
    assert 0 < consumer["heartbeat.interval.ms"] <= 1000
    consumer, _ = properties_of(monkeypatch, group_protocol="consumer")
    assert consumer["group.protocol"] == "consumer"
    # The broker decides these, and the client refuses them.
    assert not consumer.keys() & {"partition.assignment.strategy", "session.timeout.ms"}


@pytest.mark.parametrize("timed", [Pipeline, ExactlyOnce, AtLeastOnce, Reporter])
def test_durations_use_a_clock_that_does_not_jump(timed: type) -> None:
    assert signature(timed).parameters["clock"].default is time.monotonic
