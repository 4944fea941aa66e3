"""What consumers and rivals see and do, and what happens between their calls."""

from typing import Any

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from bearing_stream.wire import Message
from tests.kafka_in_memory.clock import Clock
from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.consumer import InMemoryConsumer
from tests.kafka_in_memory.faults import ANY_CALL
from tests.kafka_in_memory.polled import Polled
from tests.kafka_in_memory.rival import Output, Rival

IN, OUT, GROUP = "in", "out", "consumers"


def messages(count: int, first: int = 0) -> list[Message]:
    return [Message(b"k", str(first + number).encode(), [], 1 + number) for number in range(count)]


class Harness:
    """A topic with ten messages, and a consumer that is assigned to it."""

    def __init__(self, count: int = 10, start: int = 0, **options: Any) -> None:
        self.cluster = Cluster(partitioner=lambda *_: 0)
        self.cluster.create_topic(IN, 2)
        self.cluster.create_topic(OUT, 1)
        self.cluster.append(IN, 0, *messages(count))
        self.log = self.cluster.log_of(IN, 0)
        self.consumer = InMemoryConsumer(self.cluster, Clock(), GROUP, **options)
        self.consumer.assign([TopicPartition(IN, 0, start)])

    def offsets(self, most: int = 100) -> list[int]:
        return [one.offset() for one in self.consumer.consume(most, 0.1) if one.error() is None]


def test_markers_and_aborted_records_leave_gaps() -> None:
    harness = Harness(2)
    harness.cluster.append_in_transaction(IN, 0, *messages(2), committed=False)
    harness.cluster.append_in_transaction(IN, 0, *messages(2), committed=True)
    assert harness.offsets() == [0, 1, 5, 6]
    assert Harness(0, isolation="read_uncommitted").offsets() == []


def test_reads_up_to_the_last_stable_offset() -> None:
    harness = Harness(2)
    harness.cluster.append_in_transaction(IN, 0, *messages(1), committed=None)
    harness.cluster.append(IN, 0, *messages(1))
    assert harness.offsets() == [0, 1]
    harness.cluster.append_in_transaction(IN, 0, committed=True)
    assert harness.offsets() == [2, 3]


@pytest.mark.parametrize(("isolation", "end"), [("read_committed", 2), ("read_uncommitted", 3)])
def test_cached_watermarks_are_of_the_log_and_asked_ones_of_the_isolation_level(
    isolation: Any, end: int
) -> None:
    harness = Harness(2, isolation=isolation)
    harness.cluster.append_in_transaction(IN, 0, *messages(1), committed=None)
    partition = TopicPartition(IN, 0)
    assert harness.consumer.get_watermark_offsets(partition, cached=True) == (0, 3)
    assert harness.consumer.get_watermark_offsets(partition, 1.0) == (0, end)
    [found] = harness.consumer.offsets_for_times([TopicPartition(IN, 0, OFFSET_END)])
    assert found.offset == end
    [found] = harness.consumer.offsets_for_times([TopicPartition(IN, 0, OFFSET_BEGINNING)])
    assert found.offset == 0
    [found] = harness.consumer.offsets_for_times([TopicPartition(IN, 0, 2)])
    assert found.offset == 1


def test_the_end_of_a_partition_is_reported_once_at_the_last_stable_offset() -> None:
    harness = Harness(2, partition_eof=True)
    harness.cluster.append_in_transaction(IN, 0, *messages(1), committed=None)
    *_, event = harness.consumer.consume(100, 0.1)
    error = event.error()
    assert error is not None
    assert (error.code(), event.offset()) == (KafkaError._PARTITION_EOF, 2)
    assert harness.consumer.consume(100, 0.1) == []


def test_what_was_fetched_comes_though_retention_moved() -> None:
    harness = Harness(prefetch=5)
    assert harness.offsets(1) == [0]
    harness.log.delete_before(8)
    assert harness.consumer.get_watermark_offsets(TopicPartition(IN, 0), cached=True) == (8, 10)
    assert harness.offsets(4) == [1, 2, 3, 4]
    assert harness.offsets() == [8, 9]


@pytest.mark.parametrize(("reset", "expected"), [("earliest", [6, 7, 8, 9]), ("latest", [])])
def test_a_position_that_retention_has_deleted_is_reset(reset: Any, expected: list[int]) -> None:
    harness = Harness(start=2, auto_offset_reset=reset)
    harness.log.delete_before(6)
    assert harness.offsets() == expected


def test_a_topic_made_anew_is_noticed_only_if_it_is_shorter() -> None:
    harness = Harness()
    harness.offsets(4)
    harness.cluster.recreate_topic(IN)
    harness.cluster.append(IN, 0, *messages(6))
    assert harness.offsets() == [4, 5]
    harness.cluster.recreate_topic(IN)
    harness.cluster.append(IN, 0, *messages(3))
    assert harness.offsets() == [0, 1, 2]


def test_a_log_that_was_cut_off_is_noticed_by_its_leader_epoch() -> None:
    harness = Harness()
    assert harness.offsets() == list(range(10))
    harness.log.truncate(5)
    harness.cluster.append(IN, 0, *messages(20))
    again = harness.consumer.consume(100, 0.1)
    assert [one.offset() for one in again] == list(range(25))
    assert [one.leader_epoch() for one in again] == [0] * 5 + [1] * 20


def test_a_new_leader_with_the_whole_log_is_not_noticed() -> None:
    harness = Harness()
    harness.offsets(4)
    harness.log.elect_leader()
    assert harness.offsets() == [4, 5, 6, 7, 8, 9]


def test_a_partition_without_messages_at_its_beginning() -> None:
    harness = Harness()
    harness.log.delete_before(10)
    harness.consumer.assign([TopicPartition(IN, 0, OFFSET_BEGINNING)])
    assert harness.offsets() == []
    assert harness.consumer.get_watermark_offsets(TopicPartition(IN, 0), cached=True) == (10, 10)
    harness.cluster.append(IN, 0, *messages(1))
    assert harness.offsets() == [10]


def test_only_what_is_assigned_can_be_sought() -> None:
    harness = Harness()
    harness.consumer.seek(TopicPartition(IN, 0, 7))
    assert harness.offsets() == [7, 8, 9]
    with pytest.raises(KafkaException) as failure:
        harness.consumer.seek(TopicPartition(IN, 1, 0))
    assert failure.value.args[0].code() == KafkaError._STATE


def copy(polled: Polled) -> Output:
    return Output(OUT, polled.message)


def values(cluster: Cluster) -> list[bytes | None]:
    return [entry.message.value for _, _, entry in cluster.visible(OUT) if entry.message]


def test_two_groups_read_all_of_it_and_write_to_the_same_topic() -> None:
    harness = Harness(3)
    one, two = (Rival(harness.cluster, name, name, copy) for name in ("one", "two"))
    assert [one.take(IN, 0, 2), two.take(IN, 0, 3), one.take(IN, 0, 2)] == [2, 3, 1]
    assert values(harness.cluster) == [b"0", b"1", b"0", b"1", b"2", b"2"]
    assert [harness.cluster.group(name).committed[IN, 0] for name in ("one", "two")] == [3, 3]


def test_a_rival_does_not_begin_where_a_transaction_is_open() -> None:
    harness = Harness(3)
    transactions = harness.cluster.transactions
    rival = Rival(harness.cluster, GROUP, "rival", copy)
    epoch = transactions.register("member")
    transactions.offer("member", epoch, GROUP, None, {(IN, 0): 2})
    assert rival.take(IN, 0, 3) == 0
    transactions.end("member", epoch, committed=True)
    assert rival.take(IN, 0, 3) == 1
    assert values(harness.cluster) == [b"2"]


def test_something_happens_between_any_two_calls() -> None:
    harness = Harness(3)
    rival = Rival(harness.cluster, GROUP, "rival", copy)
    harness.cluster.faults.happens_after(1, lambda: rival.take(IN, 0, 1))
    harness.consumer.memberid()
    assert values(harness.cluster) == []
    harness.consumer.assignment()
    assert values(harness.cluster) == [b"0"]
    harness.cluster.happens_in(ANY_CALL, lambda: rival.take(IN, 0, 1))
    harness.consumer.memberid()
    harness.consumer.memberid()
    assert values(harness.cluster) == [b"0", b"1"]


class Member(Harness):
    """A member of the group, with both partitions."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, list[int]]] = []
        rival = Rival(self.cluster, GROUP, "rival", copy)
        self.consumer = InMemoryConsumer(
            self.cluster, Clock(), GROUP, rival=lambda number, most: rival.take(IN, number, most)
        )
        names = ("on_assign", "on_revoke", "on_lost")
        self.consumer.subscribe([IN], **{name: self._notes(name) for name in names})

    def _notes(self, name: str) -> Any:
        return lambda _consumer, partitions: self.events.append(
            (name, [each.partition for each in partitions])
        )


def test_a_member_begins_at_the_committed_offset() -> None:
    member = Member()
    member.cluster.group(GROUP).commit({(IN, 0): 7})
    assert member.offsets() == [7, 8, 9]
    assert member.events == [("on_assign", [0, 1])]


def test_a_revoked_partition_goes_to_another_member_in_a_new_generation() -> None:
    member = Member()
    member.offsets(2)
    generation = member.consumer.consumer_group_metadata()
    member.consumer.revoke_later(0, others=4)
    assert member.offsets() == []
    assert member.events[-1] == ("on_revoke", [0])
    assert member.consumer.consumer_group_metadata() != generation
    assert values(member.cluster) == [b"0", b"1", b"2", b"3"]


def test_a_member_that_was_put_out_is_notified_at_its_next_poll() -> None:
    member = Member()
    member.offsets(2)
    member.consumer.evict(3)
    assert member.consumer.memberid() is None
    assert member.consumer.consumer_group_metadata() is None
    with pytest.raises(KafkaException) as failure:
        member.consumer.commit([TopicPartition(IN, 0, 2)], asynchronous=False)
    assert failure.value.args[0].code() == KafkaError.UNKNOWN_MEMBER_ID
    assert member.events[1:] == []
    member.offsets()
    assert member.events[1:] == [("on_lost", [0, 1])]
    member.offsets()
    assert member.offsets() == [3, 4, 5, 6, 7, 8, 9]
