"""At least once: offsets are committed only after every message was acknowledged."""

from typing import cast

import pytest
from confluent_kafka import KafkaError, Producer, TopicPartition

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from bearing_stream.wire import Message
from consumer.delivery.at_least_once import REBALANCING, AtLeastOnce
from consumer.delivery.base import Bounds
from tests.consumer.fake_clients import FakeConsumer, FakeProducer
from tests.consumer.fakes import DIAGNOSES, Clock, Cluster, kafka_error

POSITIONS = {("bearing.windows", 0): 5}
COMMITTABLE = [TopicPartition("bearing.windows", 0, 5)]
MESSAGE = Message(b"pump", b"{}", [])


class Harness:
    """`AtLeastOnce` with producers in memory, for a member of the group."""

    def __init__(self) -> None:
        self.cluster, self.clock = Cluster(), Clock()
        self.consumer = FakeConsumer(self.cluster, self.clock)
        self.producers: list[FakeProducer] = []
        self.delivery = AtLeastOnce(
            self._new_producer, self._commit, Bounds(0.2, 2**20), self.clock, self.clock.sleep
        )
        self.delivery.start(1.0)

    def _new_producer(self) -> Producer:
        self.producers.append(FakeProducer(self.cluster, self.clock))
        return cast("Producer", self.producers[-1])

    def _commit(self, offsets: list[TopicPartition]) -> None:
        self.consumer.commit(offsets=offsets, asynchronous=False)

    def recover(self, seconds: float) -> None:
        self.delivery.recover(self.clock.now + seconds)

    def deliver(self) -> None:
        self.delivery.publish(DIAGNOSES, MESSAGE)
        self.delivery.commit(COMMITTABLE, 5.0)


def test_offsets_follow_the_acknowledgements() -> None:
    harness = Harness()
    harness.delivery.publish(DIAGNOSES, MESSAGE)
    assert harness.cluster.committed == {}
    harness.delivery.commit(COMMITTABLE, 5.0)
    assert (len(harness.cluster.output), harness.cluster.committed) == (1, POSITIONS)


def test_the_offset_of_a_message_that_was_not_acknowledged_is_not_committed() -> None:
    harness = Harness()
    harness.cluster.refused = KafkaError(KafkaError._MSG_TIMED_OUT)
    with pytest.raises(TransientKafkaError):
        harness.deliver()
    assert harness.cluster.committed == {}
    harness.cluster.refused = None
    harness.recover(5.0)
    harness.deliver()
    assert harness.cluster.committed == POSITIONS


def test_a_message_that_the_topic_refuses_is_fatal() -> None:
    harness = Harness()
    harness.cluster.refused = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    with pytest.raises(FatalKafkaError, match=r"max\.message\.bytes"):
        harness.deliver()
    assert harness.cluster.committed == {}


def test_a_producer_with_a_fatal_error_is_replaced() -> None:
    harness = Harness()
    harness.cluster.happens_in("produce", kafka_error(KafkaError._FATAL))
    with pytest.raises(TransientKafkaError):
        harness.deliver()
    harness.recover(5.0)
    assert len(harness.producers) == 2
    harness.deliver()


def test_a_flush_that_hangs_fails_after_the_timeout() -> None:
    harness = Harness()
    harness.cluster.happens_in("flush", harness.producers[0].keep_everything)
    with pytest.raises(TransientKafkaError, match="within 5 s"):
        harness.deliver()
    assert harness.cluster.committed == {}


def test_a_queue_that_stays_full_is_a_transient_error() -> None:
    harness = Harness()
    for _ in range(1000):
        harness.cluster.happens_in("produce", BufferError())
        harness.cluster.happens_in("poll", lambda: harness.clock.sleep(0.05))
    with pytest.raises(TransientKafkaError, match="full"):
        harness.deliver()
    assert harness.clock.now < 1000 + 40
    harness.cluster.faults.clear()
    harness.recover(5.0)
    harness.deliver()
    assert len(harness.cluster.output) == 1


def test_a_refused_commit_of_offsets_is_a_transient_error() -> None:
    harness = Harness()
    harness.cluster.happens_in("commit", kafka_error(KafkaError.COORDINATOR_NOT_AVAILABLE))
    with pytest.raises(TransientKafkaError):
        harness.deliver()


@pytest.mark.parametrize("code", REBALANCING)
def test_offsets_are_committed_again_once_the_group_has_its_new_generation(code: int) -> None:
    harness = Harness()

    def respond_when_all_have_joined() -> None:
        harness.clock.sleep(60)
        raise kafka_error(code)

    harness.cluster.happens_in("commit", respond_when_all_have_joined)
    for _ in range(10):
        harness.cluster.happens_in("commit", kafka_error(code))
    harness.deliver()
    assert (len(harness.cluster.output), harness.cluster.committed) == (1, POSITIONS)


def test_a_new_generation_that_does_not_come_is_a_transient_error() -> None:
    harness = Harness()
    for _ in range(1000):
        harness.cluster.happens_in("commit", kafka_error(KafkaError.ILLEGAL_GENERATION))
    began = harness.clock.now
    with pytest.raises(TransientKafkaError):
        harness.deliver()
    assert harness.clock.now == pytest.approx(began + 5.0, abs=0.1)
