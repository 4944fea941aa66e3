"""Errors while brokers, leaders, disks and topics fail are transient, and nothing is lost."""

import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from consumer.delivery.states import State
from consumer.events import REWINDING, WAITING_FOR_KAFKA
from consumer.liveness.budget import MAX_BACKOFF
from tests.consumer.fakes import abortable, kafka_error, timed_out
from tests.consumer.world import World

TRANSIENT_ERRORS = {
    "a broker is gone": (
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._MSG_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
    ),
    "a leader is lost": (
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.NOT_COORDINATOR,
    ),
    "the disk is full": (KafkaError.KAFKA_STORAGE_ERROR,),
    "the topic is gone": (
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
    ),
}
CALLS = ("produce", "flush", "send_offsets_to_transaction", "commit_transaction", "committed")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("situation", TRANSIENT_ERRORS)
def test_the_error_is_transient(call: str, situation: str) -> None:
    """Each error several times; `delivery/test_classify.py` has each alone."""
    world = World(batch_size=4)
    world.arrive(0, 9)
    for code in TRANSIENT_ERRORS[situation] * 3:
        # Forces a rewind, in addition to the error.
        world.happens_in("flush", abortable())
        world.happens_in(call, kafka_error(code))
    while any(world.cluster.faults.values()):
        world.pipeline.step()
    world.finish()
    assert world.cluster.places_out() == [(0, offset) for offset in range(9)]


@pytest.mark.parametrize("seconds", [300, 8 * 3600])
def test_waits_for_minutes_and_hours_logs_it_once_and_continues(seconds: float) -> None:
    world = World(batch_size=4)
    world.arrive(0, 4)
    world.happens_in("flush", abortable())
    for _ in range(10_000):
        world.happens_in("init_transactions", timed_out())
    attempts = 0
    with capture_logs() as lines:
        while world.clock.now < world.born + seconds:
            world.pipeline.step()
            attempts += 1
    # Neither too often, nor too rarely.
    assert seconds / (MAX_BACKOFF + 4) < attempts < seconds
    assert [line["event"] for line in lines] == [REWINDING.name, WAITING_FOR_KAFKA.name]
    world.finish()
    assert world.cluster.places_out() == [(0, offset) for offset in range(4)]


def test_a_zombie_that_joins_again_does_not_commit_what_was_in_flight() -> None:
    world = World(batch_size=4).joined()
    world.arrive(0, 4)
    world.pipeline.step()
    assert world.delivery.state is State.OPEN
    world.consumer.evict(others=4)
    world.consumer.rebalance_at_once()
    world.finish()
    assert world.cluster.places_out() == [(0, offset) for offset in range(4)]
    assert world.metrics.commits == 0


@pytest.mark.parametrize("code", [KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH])
def test_a_transaction_that_kafka_aborted_is_repeated(code: int) -> None:
    world = World(batch_size=4)
    world.arrive(0, 4)
    world.happens_in("commit_transaction", kafka_error(code, fatal=True))
    while any(world.cluster.faults.values()):
        world.pipeline.step()
    world.finish()
    assert world.cluster.places_out() == [(0, offset) for offset in range(4)]
    assert len(world.producers) == 2 * len(world.transactional_ids)
