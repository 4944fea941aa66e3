"""A record that the client reports as delivered, and that Kafka does not have, is made again.

The mock broker of librdkafka refuses one request while others are in flight, which is what a leader
that has moved does. Then librdkafka 2.16 takes the success of a later request for that of the one
that failed. The mock never does that in a transaction; a real Kafka does, rarely.
"""

import time
from functools import partial
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from bearing_stream.config import load
from bearing_stream.kafka import ClusterErrors, TransientKafkaError
from bearing_stream.wire import Message
from consumer.delivery.at_least_once import AtLeastOnce
from consumer.delivery.base import Bounds
from consumer.kafka.clients import new_producer
from consumer.settings import ConsumerSettings
from tests.mock_kafka import TOPIC, MockKafka

OFFSETS = [TopicPartition("windows", 0, 5)]


def test_it_fails_the_commit() -> None:
    kafka = MockKafka()
    given: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "guarantee": "at-least-once",
        # One request for each record.
        "kafka": {"batch.num.messages": "1"},
    }
    producers = partial(new_producer, load(ConsumerSettings, given), ClusterErrors())
    committed: list[list[TopicPartition]] = []
    delivery = AtLeastOnce(producers, committed.append, Bounds(60.0, 2**20))
    delivery.start(10)
    kafka.refuse_next_produce()
    kafka.respond_after(200)
    publish_five(delivery)
    with pytest.raises(TransientKafkaError, match="did not acknowledge 1 results"):
        delivery.commit(OFFSETS, 10)
    assert (kafka.count(), committed) == (4, [])

    kafka.respond_after(0)
    delivery.recover(time.monotonic() + 10)
    publish_five(delivery)
    delivery.commit(OFFSETS, 10)
    assert (kafka.count(), committed) == (4 + 5, [OFFSETS])
    delivery.close()


def publish_five(delivery: AtLeastOnce) -> None:
    for number in range(5):
        delivery.publish(TOPIC, Message(b"pump", b"%d" % number, []))
