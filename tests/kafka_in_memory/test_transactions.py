"""How transactions begin, end, are fenced, and what is left of those that end in part."""

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from bearing_stream.wire import Message
from tests.kafka_in_memory.clock import Clock
from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.errors import kafka_error
from tests.kafka_in_memory.producer import InMemoryProducer
from tests.kafka_in_memory.transactions import OFFSETS

IN, OUT, GROUP = "in", "out", "consumers"
POSITION = {(IN, 0): 5}


class Harness:
    """A topic to read from, one of two partitions to write to, and transactional producers."""

    def __init__(self) -> None:
        self.cluster = Cluster(partitioner=lambda *_: 0)
        self.cluster.create_topic(IN, 1)
        self.cluster.create_topic(OUT, 2, max_message_bytes=1000)
        self.group = self.cluster.group(GROUP)

    def producer(self, transactional_id: str = "one") -> InMemoryProducer:
        producer = InMemoryProducer(self.cluster, Clock(), transactional_id, GROUP)
        producer.init_transactions(1.0)
        return producer

    def visible(self) -> list[bytes | None]:
        entries = [entry for _, _, entry in self.cluster.visible(OUT)]
        return [entry.message.value for entry in entries if entry.message is not None]


def write(producer: InMemoryProducer, text: str, partition: int = 0) -> None:
    """Begin a transaction with one record, that is in the log."""
    producer.begin_transaction()
    producer.produce(OUT, partition=partition, key=b"k", value=text.encode(), headers=[])
    producer.flush(1.0)


def offer(producer: InMemoryProducer, generation: int | None = 1) -> None:
    offsets = [TopicPartition(*partition, at) for partition, at in POSITION.items()]
    producer.send_offsets_to_transaction(offsets, generation, 1.0)


def code_of(failure: pytest.ExceptionInfo[KafkaException]) -> int:
    code: int = failure.value.args[0].code()
    return code


def needs_abort(failure: pytest.ExceptionInfo[KafkaException]) -> bool:
    error: KafkaError = failure.value.args[0]
    return error.txn_requires_abort()


def test_output_and_offsets_appear_together() -> None:
    harness = Harness()
    producer = harness.producer()
    write(producer, "a")
    offer(producer)
    assert (harness.visible(), harness.group.committed) == ([], {})
    producer.commit_transaction(1.0)
    assert (harness.visible(), harness.group.committed) == ([b"a"], POSITION)


def test_what_was_aborted_is_never_visible() -> None:
    harness = Harness()
    producer = harness.producer()
    write(producer, "a")
    offer(producer)
    producer.abort_transaction(1.0)
    write(producer, "b")
    producer.commit_transaction(1.0)
    assert (harness.visible(), harness.group.committed) == ([b"b"], {})
    # Two records, and a marker after each.
    assert harness.cluster.log_of(OUT, 0).high_watermark == 4


def test_nobody_is_given_an_offset_while_a_transaction_with_it_is_open() -> None:
    harness = Harness()
    producer = harness.producer()
    harness.group.commit({(IN, 0): 2})
    write(producer, "a")
    offer(producer)
    with pytest.raises(KafkaException) as failure:
        harness.group.fetch([(IN, 0)])
    assert code_of(failure) == KafkaError.UNSTABLE_OFFSET_COMMIT
    assert harness.group.fetch([(IN, 1)]) == {}
    producer.abort_transaction(1.0)
    assert harness.group.fetch([(IN, 0)]) == {(IN, 0): 2}


@pytest.mark.parametrize(("generation", "taken"), [(1, False), (2, True), (None, True)])
def test_offsets_are_taken_of_the_present_generation_or_unchecked(
    generation: int | None, taken: bool
) -> None:
    harness = Harness()
    harness.group.generation = 2
    producer = harness.producer()
    write(producer, "a")
    if taken:
        offer(producer, generation)
    else:
        with pytest.raises(KafkaException) as failure:
            offer(producer, generation)
        assert code_of(failure) == KafkaError.ILLEGAL_GENERATION
        assert needs_abort(failure)


def test_a_new_producer_with_the_same_id_aborts_and_fences_the_old_one() -> None:
    harness = Harness()
    old = harness.producer()
    write(old, "a")
    offer(old)
    assert harness.cluster.log_of(OUT, 0).last_stable_offset == 0
    new = harness.producer()
    assert harness.cluster.log_of(OUT, 0).last_stable_offset == 2
    for call in (old.commit_transaction, old.abort_transaction, old.flush):
        with pytest.raises(KafkaException) as failure:
            call(1.0)
        assert code_of(failure) == KafkaError._FENCED
    write(new, "b")
    new.commit_transaction(1.0)
    assert (harness.visible(), harness.group.committed) == ([b"b"], {})


def test_another_id_is_not_fenced() -> None:
    harness = Harness()
    one = harness.producer("one")
    write(one, "a")
    harness.producer("two")
    one.commit_transaction(1.0)
    assert harness.visible() == [b"a"]


def test_a_transaction_that_times_out_is_aborted_and_its_producer_fenced() -> None:
    harness = Harness()
    producer = harness.producer()
    write(producer, "a")
    harness.cluster.transactions.expire("one")
    with pytest.raises(KafkaException) as failure:
        producer.commit_transaction(1.0)
    assert code_of(failure) == KafkaError._FENCED
    assert harness.visible() == []


def test_after_a_refused_record_a_transaction_can_only_be_aborted() -> None:
    harness = Harness()
    producer = harness.producer()
    write(producer, "x" * 2000)
    for call in (offer, lambda one: one.commit_transaction(1.0)):
        with pytest.raises(KafkaException) as failure:
            call(producer)
        assert code_of(failure) == KafkaError.MSG_SIZE_TOO_LARGE
        assert needs_abort(failure)
    producer.abort_transaction(1.0)
    write(producer, "b")
    producer.commit_transaction(1.0)
    assert harness.visible() == [b"b"]


def test_a_partition_without_a_leader_is_left_out_of_a_commit() -> None:
    harness = Harness()
    producer = harness.producer()
    harness.cluster.transactions.leaderless = frozenset({(OUT, 0)})
    write(producer, "a")
    offer(producer)
    producer.commit_transaction(1.0)
    assert (harness.visible(), harness.group.committed) == ([], POSITION)
    assert harness.cluster.transactions.undecided() == {(OUT, 0)}
    # What others write there stays invisible too.
    harness.cluster.append(OUT, 0, Message(b"k", b"other", []))
    assert harness.visible() == []


@pytest.mark.parametrize("committed", [True, False])
def test_the_next_marker_in_that_partition_decides_what_was_left_out(committed: bool) -> None:
    harness = Harness()
    producer = harness.producer()
    harness.cluster.transactions.leaderless = frozenset({(OUT, 0)})
    write(producer, "a")
    producer.commit_transaction(1.0)
    write(producer, "b", partition=1)
    producer.commit_transaction(1.0)
    # A transaction elsewhere decides nothing here.
    assert harness.visible() == [b"b"]
    write(producer, "c")
    (producer.commit_transaction if committed else producer.abort_transaction)(1.0)
    assert harness.visible() == ([b"a", b"b", b"c"] if committed else [b"b"])


def test_offsets_that_were_left_out_of_a_commit_are_unstable_until_the_next() -> None:
    harness = Harness()
    producer = harness.producer()
    harness.cluster.transactions.leaderless = frozenset({OFFSETS})
    write(producer, "a")
    offer(producer)
    producer.commit_transaction(1.0)
    assert harness.visible() == [b"a"]
    assert harness.group.is_unstable(POSITION)
    write(producer, "b")
    offer(producer)
    producer.abort_transaction(1.0)
    assert not harness.group.is_unstable(POSITION)
    assert (harness.group.committed, harness.group.taken_back) == ({}, POSITION)


def test_a_commit_whose_response_is_lost_got_through() -> None:
    harness = Harness()
    producer = harness.producer()
    write(producer, "a")
    with pytest.raises(KafkaException):
        producer.commit_without_response()
    with pytest.raises(KafkaException) as failure:
        producer.flush(1.0)
    assert code_of(failure) == KafkaError._TIMED_OUT
    assert harness.visible() == [b"a"]


def test_an_error_happens_once_and_in_the_call_that_it_is_for() -> None:
    harness = Harness()
    producer = harness.producer()
    harness.cluster.happens_in("flush", kafka_error(KafkaError._TIMED_OUT))
    producer.begin_transaction()
    with pytest.raises(KafkaException):
        producer.flush(1.0)
    assert producer.flush(1.0) == 0
