"""How the source handles what the client returns; `test_guarantee` tests the rest."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from structlog.testing import capture_logs

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from consumer.events import OFFSETS_SKIPPED
from consumer.kafka.source import OnGap, WindowSource
from consumer.metrics import Metrics
from tests.consumer.fake_clients import FakeConsumer
from tests.consumer.fakes import WINDOWS, Clock, Cluster, FakeMessage, kafka_error, window


class Harness:
    """A source on a cluster in memory with ten windows."""

    def __init__(self, on_gap: OnGap = "continue") -> None:
        self.cluster, self.clock = Cluster(), Clock()
        self.cluster.arrive(0, *map(window, range(10)))
        self.consumer = FakeConsumer(self.cluster, self.clock)
        self.metrics = Metrics()
        self.transient: list[KafkaError] = []
        self.source = WindowSource(
            cast("Consumer", self.consumer), WINDOWS, self.metrics, self.transient.append, on_gap
        )
        self.source.subscribe(lambda: None, lambda: None)

    def offsets(self, most: int = 100) -> list[int]:
        return [message.offset() for message in self.source.poll(most, 0.1)]


@pytest.mark.parametrize("most", [1, 2, 7, 100])
def test_polls_no_more_messages_than_requested(most: int) -> None:
    assert Harness().offsets(most) == list(range(min(most, 10)))


def test_polls_fewer_messages_where_they_are_large() -> None:
    harness = Harness()
    large = window(0)._replace(value=bytes(1_000_000))
    harness.cluster.arrive(0, *[large] * 300)
    assert harness.offsets(10) == list(range(10))
    counts = [len(harness.offsets(256)) for _ in range(5)]
    assert max(counts) <= 16 + 64
    assert sum(counts) == 300


def test_is_lagging_until_it_has_polled_every_message() -> None:
    harness = Harness()
    harness.offsets(3)
    assert harness.source.is_lagging()
    harness.offsets(7)
    assert not harness.source.is_lagging()


def test_rewinds_to_the_committed_offset() -> None:
    harness = Harness()
    harness.offsets(8)
    harness.cluster.committed[WINDOWS, 0] = 5
    harness.source.rewind()
    assert harness.offsets() == [5, 6, 7, 8, 9]


def test_rewinds_to_where_it_began_if_nothing_was_ever_committed() -> None:
    harness = Harness()
    harness.consumer.begins_at = 4  # As with `start_from = latest`.
    assert harness.offsets(3) == [4, 5, 6]
    harness.source.rewind()
    assert harness.offsets() == [4, 5, 6, 7, 8, 9]


def test_a_committed_offset_with_an_error_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = Harness()
    harness.offsets(8)

    def unstable(*_: Any) -> list[Any]:
        error = KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT)
        return [SimpleNamespace(topic=WINDOWS, partition=0, offset=-1001, error=error)]

    monkeypatch.setattr(harness.consumer, "committed", unstable)
    with pytest.raises(TransientKafkaError):
        harness.source.rewind()
    assert harness.offsets() == [8, 9]


def test_a_transient_error_is_reported_and_the_windows_around_it_are_returned() -> None:
    harness = Harness()
    error = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    harness.cluster.log[0].insert(3, FakeMessage(window(0), failure=error))
    assert harness.offsets() == list(range(10))
    assert harness.transient == [error]


@pytest.mark.parametrize(
    "code",
    [KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID],
)
def test_a_fatal_error_is_raised_whether_a_message_or_the_client_carries_it(code: int) -> None:
    harness = Harness()
    harness.cluster.log[0].insert(3, FakeMessage(window(0), failure=KafkaError(code)))
    with pytest.raises(FatalKafkaError):
        harness.offsets()
    harness = Harness()
    harness.cluster.happens_in("consume", kafka_error(code, fatal=True))
    with pytest.raises(FatalKafkaError):
        harness.offsets()


def test_messages_that_cannot_be_decompressed_are_fatal_and_the_partition_is_named() -> None:
    harness = Harness()
    error = KafkaError(KafkaError._BAD_COMPRESSION)
    harness.cluster.log[0].insert(3, FakeMessage(window(0), failure=error))
    finished: list[bool] = []
    harness.source.subscribe(lambda: finished.append(True), lambda: None)
    assert harness.offsets() == list(range(10))
    assert not finished
    with pytest.raises(FatalKafkaError, match=r"partition 0 of .* receive\.message\.max\.bytes"):
        harness.offsets()
    assert finished


def test_repeated_messages_are_ignored_and_counted() -> None:
    harness = Harness()
    harness.offsets(8)
    harness.consumer.seek(TopicPartition(WINDOWS, 0, 5))  # Not by `rewind`.
    assert harness.offsets() == [8, 9]
    assert harness.metrics.repeated == 3


class Overtaken(Harness):
    """Retention has deleted offsets 0 to 5 of ten; the group had committed up to 2."""

    def __init__(self, on_gap: OnGap = "continue") -> None:
        super().__init__(on_gap)
        self.cluster.committed[WINDOWS, 0] = 2
        self.cluster.begins[0] = 6


def test_windows_deleted_by_retention_are_counted_and_logged_once() -> None:
    harness = Overtaken()
    with capture_logs() as lines:
        assert harness.offsets() == [6, 7, 8, 9]
        assert harness.metrics.skipped == 4
        harness.source.rewind()
        assert harness.offsets() == [6, 7, 8, 9]
        assert harness.metrics.skipped == 4
    [line] = lines
    assert line["event"] == OFFSETS_SKIPPED.name
    assert (line["topic"], line["partition"]) == (WINDOWS, 0)
    assert (line["first"], line["last"], line["skipped"]) == (2, 5, 4)


def test_stops_at_a_gap_if_on_gap_is_stop() -> None:
    harness = Overtaken("stop")
    with pytest.raises(FatalKafkaError, match=f"offsets 2 to 5 of partition 0 of '{WINDOWS}'"):
        harness.offsets()
    assert harness.metrics.skipped == 0


def test_retention_overtakes_a_running_consumer() -> None:
    harness = Harness()
    assert harness.offsets(3) == [0, 1, 2]
    harness.cluster.begins[0] = 8
    assert harness.offsets() == [8, 9]
    assert harness.metrics.skipped == 5


def test_the_remaining_windows_are_read_though_the_client_went_to_the_end() -> None:
    harness = Overtaken()
    harness.consumer.out_of_range_at = 9  # As with `start_from = latest`.
    assert harness.offsets() == []
    assert harness.offsets() == [6, 7, 8, 9]
    assert harness.metrics.skipped == 4
    assert harness.metrics.repeated == 0


def test_offsets_without_a_message_are_no_loss() -> None:
    harness = Harness("stop")
    del harness.cluster.log[0][4:6]  # A transaction's marker, or compaction.
    assert harness.offsets() == [0, 1, 2, 3, 6, 7, 8, 9]
    assert harness.metrics.skipped == 0


def test_a_group_that_never_committed_skips_nothing() -> None:
    harness = Harness("stop")
    harness.cluster.begins[0] = 6
    assert harness.offsets() == [6, 7, 8, 9]


def test_a_topic_that_was_created_again_is_read_from_its_beginning() -> None:
    harness = Harness()
    harness.cluster.committed[WINDOWS, 0] = 500
    assert harness.offsets() == list(range(10))


def test_a_poll_fails_if_the_broker_does_not_return_the_committed_offsets() -> None:
    harness = Overtaken()
    harness.cluster.happens_in("committed", kafka_error(KafkaError._TIMED_OUT))
    with pytest.raises(TransientKafkaError):
        harness.offsets()
    harness.source.rewind()
    assert harness.offsets() == [6, 7, 8, 9]
    assert harness.metrics.skipped == 4
