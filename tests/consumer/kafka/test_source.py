"""How the source handles what the client returns; `test_guarantee` tests the rest."""

import threading
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from structlog.testing import capture_logs

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from consumer.events import BATCH_UNREADABLE, OFFSETS_SKIPPED
from consumer.kafka.client_errors import ClientErrors
from consumer.kafka.positions import Tracker
from consumer.kafka.resolver import Resolver
from consumer.kafka.source import FETCH_GRACE, WindowSource
from consumer.liveness import budget
from consumer.metrics import Metrics
from tests.consumer.fake_clients import FakeBatchEnds, FakeConsumer, FakeTopicLog
from tests.consumer.fakes import GROUP, WINDOWS, Clock, Cluster, FakeMessage, kafka_error, window


class Listener:
    """Notes what it is called for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_partitions_assigned(self) -> None:
        self.calls.append("assigned")

    def on_partitions_revoked(self) -> None:
        self.calls.append("revoked")

    def on_partitions_lost(self) -> None:
        self.calls.append("lost")


class Harness:
    """A source on a cluster in memory with ten windows, whose consumer has been assigned."""

    def __init__(self, committed: int | None = None, begin: int = 0, **options: Any) -> None:
        self.cluster, self.clock = Cluster(), Clock()
        self.cluster.arrive(0, *map(window, range(10)))
        self.cluster.begins[0] = begin
        if committed is not None:
            self.cluster.committed[WINDOWS, 0] = committed
        self.consumer = FakeConsumer(self.cluster, self.clock)
        self.metrics = Metrics()
        self.transient: list[KafkaError] = []
        self.tracker = Tracker(leaves_marks=False)
        consumer = cast("Consumer", self.consumer)
        resolver = Resolver(consumer, FakeTopicLog(self.cluster), self.metrics, **options)
        self.source = WindowSource(
            consumer,
            WINDOWS,
            self.tracker,
            resolver,
            FakeBatchEnds(self.cluster),
            self.metrics,
            ClientErrors(GROUP, self.transient.append, self.clock),
            self.clock,
        )
        self.listener = Listener()
        self.source.subscribe(self.listener)

    def joined(self) -> Self:
        while self.tracker.unresolved or not self.tracker.owned:
            assert self.source.poll(100, 0.1).messages == []
        self.listener.calls.clear()
        return self

    def offsets(self, most: int = 100) -> list[int]:
        return [message.offset() for message in self.source.poll(most, 0.1).messages]


@pytest.mark.parametrize("most", [1, 2, 7, 100])
def test_polls_no_more_messages_than_requested(most: int) -> None:
    assert Harness().joined().offsets(most) == list(range(min(most, 10)))


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_polls_fewer_messages_where_they_are_large(size: int) -> None:
    harness = Harness().joined()
    harness.cluster.arrive(0, *[window(0)._replace(value=bytes(size))] * 300)
    assert harness.offsets(10) == list(range(10))
    counts = [len(harness.offsets(256))]
    while counts[-1]:
        counts.append(len(harness.offsets(256)))
    assert max(counts) <= 1 + 64
    assert sum(counts) == 300


def test_is_lagging_until_it_has_polled_every_message() -> None:
    harness = Harness().joined()
    harness.offsets(3)
    assert harness.source.is_lagging()
    harness.offsets(7)
    assert not harness.source.is_lagging()
    harness.cluster.arrive(1, window(10))
    assert harness.source.is_lagging()


@pytest.mark.parametrize("committed", [True, False])
def test_an_end_that_cannot_be_read_counts_as_read(committed: bool) -> None:
    """A transaction's marker, or an aborted transaction, after the last window."""
    harness = Harness().joined()
    harness.offsets()
    harness.cluster.append_in_transaction(WINDOWS, 0, window(10), committed=committed)
    assert harness.source.is_lagging()
    assert harness.offsets() == [10] * committed
    assert not harness.source.is_lagging()


def test_what_is_in_an_open_transaction_counts_as_read_after_a_moment() -> None:
    harness = Harness().joined()
    harness.offsets()
    harness.cluster.append_in_transaction(WINDOWS, 0, window(10), committed=None)
    assert harness.source.is_lagging()
    assert harness.source.poll(100, 0.0).messages == []
    assert harness.source.is_lagging(), "a poll that does not wait proves nothing"
    assert harness.source.poll(100, FETCH_GRACE).messages == []
    assert not harness.source.is_lagging()
    harness.cluster.arrive(1, window(11))
    assert harness.source.is_lagging()


def test_what_it_has_reached_follows_the_markers_of_transactions() -> None:
    harness = Harness().joined()
    harness.offsets()
    harness.cluster.append_in_transaction(WINDOWS, 0, window(10), window(11))
    assert harness.offsets(1) == [10]
    assert harness.source.reached()[WINDOWS, 0] == 11, "a window is left"
    assert harness.offsets() == [11]
    harness.offsets()
    assert harness.source.positions()[WINDOWS, 0] == 12
    assert harness.source.reached()[WINDOWS, 0] == 13
    harness.cluster.append_in_transaction(WINDOWS, 0, window(12), committed=None)
    harness.offsets()
    assert harness.source.reached()[WINDOWS, 0] == 13, "behind it is an open transaction"
    harness.cluster.committed[WINDOWS, 0] = 5
    harness.source.rewind()
    assert harness.source.reached()[WINDOWS, 0] == 5


def test_rewinds_to_the_committed_offset() -> None:
    harness = Harness().joined()
    harness.offsets(8)
    harness.cluster.committed[WINDOWS, 0] = 5
    harness.source.rewind()
    assert harness.offsets() == [5, 6, 7, 8, 9]


def test_rewinds_to_where_it_began_if_it_committed_nothing_since() -> None:
    harness = Harness(start_from="latest").joined()
    harness.cluster.arrive(0, *map(window, range(10, 15)))
    assert harness.offsets(3) == [10, 11, 12]
    harness.source.rewind()
    assert harness.offsets() == [10, 11, 12, 13, 14]


def test_the_beginning_of_a_new_partition_is_committed_at_once() -> None:
    harness = Harness(start_from="latest").joined()
    assert harness.cluster.committed == {(WINDOWS, 0): 10, (WINDOWS, 1): 0}


def test_a_committed_offset_with_an_error_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = Harness().joined()
    harness.offsets(8)

    def unstable(*_: Any) -> list[Any]:
        error = KafkaError(KafkaError.UNSTABLE_OFFSET_COMMIT)
        return [SimpleNamespace(topic=WINDOWS, partition=0, offset=-1001, error=error)]

    monkeypatch.setattr(harness.consumer, "committed", unstable)
    with pytest.raises(TransientKafkaError):
        harness.source.rewind()
    monkeypatch.undo()
    harness.cluster.committed[WINDOWS, 0] = 5
    harness.source.rewind()
    assert harness.offsets() == [5, 6, 7, 8, 9]


def test_a_transient_error_is_reported_and_the_windows_around_it_are_returned() -> None:
    harness = Harness().joined()
    error = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    harness.cluster.log[0].insert(3, FakeMessage(window(0), failure=error))
    assert harness.offsets() == list(range(10))
    assert harness.transient == [error]


@pytest.mark.parametrize(
    "code",
    [KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID],
)
def test_a_fatal_error_is_raised_whether_a_message_or_the_client_carries_it(code: int) -> None:
    harness = Harness().joined()
    harness.cluster.log[0].insert(3, FakeMessage(window(0), failure=KafkaError(code)))
    with pytest.raises(FatalKafkaError):
        harness.offsets()
    harness = Harness().joined()
    harness.cluster.happens_in("consume", kafka_error(code, fatal=True))
    with pytest.raises(FatalKafkaError):
        harness.offsets()


def test_a_batch_that_cannot_be_unpacked_is_one_message_at_its_last_offset() -> None:
    harness = Harness().joined()
    harness.cluster.damage(WINDOWS, 0, range(3, 7))
    assert harness.offsets() == [0, 1, 2]
    assert harness.listener.calls == []
    with capture_logs() as lines:
        assert harness.offsets() == [6]
        assert harness.listener.calls == ["assigned"], "what came before is finished first"
        assert harness.offsets() == [7, 8, 9]
        assert harness.metrics.skipped == 4
        harness.source.rewind()
        assert [harness.offsets() for _ in range(3)] == [[0, 1, 2], [6], [7, 8, 9]]
        assert harness.metrics.skipped == 4
    [line] = lines
    assert line["event"] == BATCH_UNREADABLE.name
    assert (line["topic"], line["partition"]) == (WINDOWS, 0)
    assert (line["first"], line["last"]) == (3, 6)


def test_of_a_batch_that_was_read_in_part_only_the_rest_counts() -> None:
    """As by a consumer with a larger `receive.message.max.bytes`."""
    harness = Harness(committed=5)
    harness.cluster.damage(WINDOWS, 0, range(3, 7))
    harness.joined()
    assert [harness.offsets() for _ in range(3)] == [[], [6], [7, 8, 9]]
    assert harness.metrics.skipped == 2


def test_repeated_messages_are_ignored_and_counted() -> None:
    harness = Harness().joined()
    harness.offsets(8)
    harness.consumer.seek(TopicPartition(WINDOWS, 0, 5))  # Not by `rewind`.
    assert harness.offsets() == [8, 9]
    assert harness.metrics.repeated == 3


def overtaken(**options: Any) -> Harness:
    """Retention has deleted offsets 0 to 5 of ten; the group had committed up to 2."""
    return Harness(committed=2, begin=6, **options)


def test_windows_deleted_by_retention_are_counted_and_logged_once() -> None:
    harness = overtaken()
    with capture_logs() as lines:
        harness.joined()
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
    harness = overtaken(stop_on_gap=True)
    with pytest.raises(FatalKafkaError, match=f"offsets 2 to 5 of partition 0 of '{WINDOWS}'"):
        harness.joined()
    assert harness.metrics.skipped == 0


def test_retention_overtakes_a_running_consumer() -> None:
    harness = Harness().joined()
    assert harness.offsets(3) == [0, 1, 2]
    harness.cluster.begins[0] = 8
    assert harness.offsets() == [8, 9]
    assert harness.metrics.skipped == 5


def test_stops_where_retention_overtakes_a_running_consumer_if_on_gap_is_stop() -> None:
    harness = Harness(stop_on_gap=True).joined()
    assert harness.offsets(3) == [0, 1, 2]
    harness.cluster.begins[0] = 8
    with pytest.raises(FatalKafkaError, match=f"offsets 3 to 7 of partition 0 of '{WINDOWS}'"):
        harness.offsets()


def test_the_remaining_windows_are_read_wherever_the_client_began() -> None:
    harness = overtaken()
    harness.consumer.out_of_range_at = 9
    harness.joined()
    assert harness.offsets() == [6, 7, 8, 9]
    assert harness.metrics.skipped == 4
    assert harness.metrics.repeated == 0


def test_offsets_without_a_message_are_no_loss() -> None:
    harness = Harness(stop_on_gap=True).joined()
    del harness.cluster.log[0][4:6]  # A transaction's marker, or compaction.
    assert harness.offsets() == [0, 1, 2, 3, 6, 7, 8, 9]
    assert harness.metrics.skipped == 0


def test_a_group_that_never_committed_skips_nothing() -> None:
    harness = Harness(begin=6, stop_on_gap=True).joined()
    assert harness.offsets() == [6, 7, 8, 9]
    assert harness.metrics.skipped == 0


def test_an_offset_beyond_the_end_leads_to_the_beginning() -> None:
    assert Harness(committed=500).joined().offsets() == list(range(10))


def test_a_topic_that_was_created_again_is_read_from_its_beginning() -> None:
    harness = Harness().joined()
    harness.offsets(5)
    harness.cluster.recreate_topic(WINDOWS)
    harness.cluster.arrive(0, *map(window, range(20)))
    with pytest.raises(TransientKafkaError, match="created anew"):
        harness.offsets()
    harness.source.rewind()
    assert harness.offsets() == list(range(20))


def test_a_poll_fails_if_the_broker_does_not_return_the_committed_offsets() -> None:
    harness = overtaken()
    harness.cluster.happens_in("committed", kafka_error(KafkaError._TIMED_OUT))
    with pytest.raises(TransientKafkaError):
        harness.joined()
    harness.source.rewind()
    assert harness.offsets() == [6, 7, 8, 9]
    assert harness.metrics.skipped == 4


@pytest.mark.parametrize("happens", ["revoked", "lost"])
def test_a_poll_leaves_out_the_messages_of_partitions_that_went(happens: str) -> None:
    harness = Harness().joined()

    def goes() -> None:
        if happens == "revoked":
            harness.consumer.revoke_later(0)
        else:
            harness.consumer.evict(0)

    harness.cluster.happens_in("consume_more", goes)
    assert harness.offsets() == []
    assert harness.listener.calls == [happens]
    assert (WINDOWS, 0) not in harness.source.positions()


@pytest.mark.parametrize("absent", [None, ""])
@pytest.mark.parametrize(
    "members",
    [
        pytest.param([False, False], id="no member"),
        pytest.param([False, True], id="joins meanwhile"),
        pytest.param([True, False], id="is removed meanwhile"),
    ],
)
def test_who_is_no_member_has_no_membership(
    members: list[bool], absent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Harness().joined()
    assert harness.source.membership() is not None
    read = 0
    monkeypatch.setattr(
        harness.consumer, "memberid", lambda: "member" if members[min(read, 1)] else absent
    )
    metadata = harness.consumer.consumer_group_metadata

    def reads() -> Any:
        nonlocal read
        read += 1
        return metadata()

    monkeypatch.setattr(harness.consumer, "consumer_group_metadata", reads)
    with pytest.raises(TransientKafkaError, match="removed"):
        harness.source.membership()


def test_nothing_is_resolved_while_the_client_hangs_in_the_commit_of_where_partitions_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness, released = Harness(), threading.Event()
    commit = harness.consumer.commit

    def hangs(**arguments: Any) -> list[TopicPartition]:
        assert released.wait(10)
        return commit(**arguments)

    monkeypatch.setattr(budget, "REQUEST", 0.01)
    monkeypatch.setattr(harness.consumer, "commit", hangs)
    with pytest.raises(TransientKafkaError, match="not respond to a commit"):
        harness.joined()
    monkeypatch.undo()
    with pytest.raises(TransientKafkaError, match="not respond to a commit"):
        harness.source.rewind()
    assert harness.source.positions() == {}
    assert harness.cluster.committed == {}
    released.set()
    rewind_until_resolved(harness)
    assert harness.offsets() == list(range(10))


def rewind_until_resolved(harness: Harness) -> None:
    deadline = time.monotonic() + 10
    while harness.source.unresolved:
        assert time.monotonic() < deadline
        with suppress(TransientKafkaError):
            harness.source.rewind()


@pytest.mark.parametrize("where", ["call", "partition"])
def test_where_partitions_begin_is_committed_again_if_kafka_refuses(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Harness()
    refusal = kafka_error(KafkaError.REBALANCE_IN_PROGRESS)

    def refuses(offsets: list[TopicPartition], **_: Any) -> list[Any]:
        if where == "call":
            raise refusal
        return [SimpleNamespace(error=refusal.args[0]) for _ in offsets]

    with monkeypatch.context() as patch:
        patch.setattr(harness.consumer, "commit", refuses)
        with pytest.raises(TransientKafkaError):
            harness.joined()
    assert harness.cluster.committed == {}
    rewind_until_resolved(harness)
    harness.source.rewind()
    assert harness.cluster.committed[WINDOWS, 0] == 0


def test_it_does_not_wait_long_for_a_broker_to_let_it_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness, left, responds = Harness().joined(), threading.Event(), threading.Event()

    def close() -> None:
        left.set()
        assert responds.wait(10)

    monkeypatch.setattr(budget, "LEAVE", 0.01)
    monkeypatch.setattr(harness.consumer, "close", close)
    harness.source.close()
    assert left.wait(10)
    responds.set()


def test_an_error_of_leaving_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness().joined()

    def close() -> None:
        raise RuntimeError("closed already")

    monkeypatch.setattr(harness.consumer, "close", close)
    with pytest.raises(RuntimeError, match="closed already"):
        harness.source.close()
