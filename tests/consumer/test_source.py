"""What the source makes of what the client says; the rest is in `test_guarantee`."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumer.delivery import Undelivered
from consumer.metrics import Metrics
from consumer.source import WindowSource
from kafka_client import FatalKafkaError
from tests.consumer.fake_clients import FakeConsumer
from tests.consumer.fakes import WINDOWS, Clock, Cluster, FakeMessage, kafka_error, window


class Harness:
    """A source over a cluster in memory with ten windows."""

    def __init__(self) -> None:
        self.cluster, self.clock = Cluster(), Clock()
        self.cluster.arrive(0, *map(window, range(10)))
        self.consumer = FakeConsumer(self.cluster, self.clock)
        self.metrics = Metrics()
        self.passing: list[KafkaError] = []
        self.source = WindowSource(
            cast("Consumer", self.consumer), WINDOWS, self.metrics, self.passing.append
        )
        self.source.subscribe(lambda: None, lambda: None)

    def offsets(self, most: int = 100) -> list[int]:
        return [message.offset() for message in self.source.poll(most, 0.1)]


@pytest.mark.parametrize("most", [1, 2, 7, 100])
def test_polls_what_there_is_and_no_more_than_asked_for(most: int) -> None:
    assert Harness().offsets(most) == list(range(min(most, 10)))


def test_is_behind_until_it_has_polled_all_there_is() -> None:
    harness = Harness()
    harness.offsets(3)
    assert harness.source.behind()
    harness.offsets(7)
    assert not harness.source.behind()


def test_winds_back_to_the_committed_offset() -> None:
    harness = Harness()
    harness.offsets(8)
    harness.cluster.committed[WINDOWS, 0] = 5
    harness.source.rewind()
    assert harness.offsets() == [5, 6, 7, 8, 9]


def test_winds_back_to_where_it_began_if_nothing_was_ever_committed() -> None:
    harness = Harness()
    harness.consumer.begins_at = 4  # As with `start_from = latest`.
    assert harness.offsets(3) == [4, 5, 6]
    harness.source.rewind()
    assert harness.offsets() == [4, 5, 6, 7, 8, 9]


def test_an_error_beside_a_committed_offset_is_not_taken_for_an_offset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = Harness()
    harness.offsets(8)

    def unstable(*_: Any) -> list[Any]:
        error = KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT)
        return [SimpleNamespace(topic=WINDOWS, partition=0, offset=-1001, error=error)]

    monkeypatch.setattr(harness.consumer, "committed", unstable)
    with pytest.raises(Undelivered):
        harness.source.rewind()
    assert harness.offsets() == [8, 9]


def test_an_error_that_passes_is_told_and_the_windows_beside_it_come() -> None:
    harness = Harness()
    error = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    harness.cluster.log[0].insert(3, FakeMessage(window(0), failure=error))
    assert harness.offsets() == list(range(10))
    assert harness.passing == [error]


@pytest.mark.parametrize(
    "code",
    [KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID],
)
def test_an_error_that_does_not_pass_is_fatal_however_it_comes(code: int) -> None:
    harness = Harness()
    harness.cluster.log[0].insert(3, FakeMessage(window(0), failure=KafkaError(code)))
    with pytest.raises(FatalKafkaError):
        harness.offsets()
    harness = Harness()
    harness.cluster.happens_in("consume", kafka_error(code, fatal=True))
    with pytest.raises(FatalKafkaError):
        harness.offsets()


def test_messages_that_come_again_are_passed_over_and_counted() -> None:
    harness = Harness()
    harness.offsets(8)
    harness.consumer.seek(TopicPartition(WINDOWS, 0, 5))  # Not by `rewind`.
    assert harness.offsets() == [8, 9]
    assert harness.metrics.repeated == 3
