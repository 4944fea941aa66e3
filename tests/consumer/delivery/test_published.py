"""Which part of a committed transaction is missing, and how the output is read to find out."""

from collections.abc import Sequence

import pytest
from confluent_kafka import Producer
from consumer.delivery.recovery import OutputTopics, Result, Seen, missing

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from bearing_stream.wire import DeadLetter, Message, RejectionReason
from consumer.batch import Origin, Partition
from tests.consumer.fakes import DEAD_LETTERS, DIAGNOSES, WINDOWS
from tests.kafka_tools import Topics, eventually

PARTITION = (WINDOWS, 0)
OTHER = (WINDOWS, 1)


def diagnosis(offset: int, partition: Partition = PARTITION) -> Result:
    topic, number = partition
    value = f'{{"input": {{"topic": "{topic}", "partition": {number}, "offset": {offset}}}}}'
    return Result(DIAGNOSES, Message(b"pump", value.encode(), []), Origin(partition, offset))


def dead_letter(offset: int, headers: Sequence[tuple[str, bytes | None]] = ()) -> Result:
    original = Message(b"pump", b"\x00", list(headers))
    letter = DeadLetter(WINDOWS, 0, offset, RejectionReason.WRONG_LENGTH, "expected …", original)
    return Result(DEAD_LETTERS, letter.message("group"), Origin(PARTITION, offset))


RESULTS = [diagnosis(7), dead_letter(8), diagnosis(9), diagnosis(4, OTHER)]


def seen(results: Sequence[Result]) -> Seen:
    read = Seen()
    for topic, message, _ in results:
        (read.note_diagnosis if topic == DIAGNOSES else read.note_dead_letter)(message)
    return read


@pytest.mark.parametrize("offset", [10, 25])
def test_nothing_is_missing_if_all_can_be_read(offset: int) -> None:
    committed = {PARTITION: offset, OTHER: 5}
    assert missing(RESULTS, seen(RESULTS), committed) == ([], {})


@pytest.mark.parametrize("committed", [{PARTITION: 7, OTHER: 4}, {}])
def test_nothing_is_missing_if_all_of_it_was_aborted(committed: dict[Partition, int]) -> None:
    assert missing(RESULTS, seen([]), committed) == ([], {})


def test_nothing_is_missing_if_another_consumer_has_done_it_again() -> None:
    again = [result._replace(message=result.message._replace(key=b"again")) for result in RESULTS]
    again[1] = RESULTS[1]
    assert missing(RESULTS, seen(again), {PARTITION: 10, OTHER: 5}) == ([], {})


@pytest.mark.parametrize("there", range(4))
def test_results_before_the_committed_offset_that_cannot_be_read_are_missing(there: int) -> None:
    readable = RESULTS[:there]
    committed = {PARTITION: 10, OTHER: 5}
    assert missing(RESULTS, seen(readable), committed) == (RESULTS[there:], {})


def test_offsets_are_missing_if_their_results_can_be_read() -> None:
    committed = {PARTITION: 7, OTHER: 4}
    assert missing(RESULTS, seen(RESULTS), committed) == ([], {PARTITION: 10, OTHER: 5})


def test_results_and_offsets_are_missing_if_a_part_after_the_offsets_can_be_read() -> None:
    committed = {PARTITION: 7, OTHER: 4}
    assert missing(RESULTS, seen(RESULTS[:2]), committed) == ([RESULTS[2]], {PARTITION: 10})


def test_dead_letters_with_the_same_content_are_counted() -> None:
    # Rejected once before: the origin in their headers is that of the first rejection.
    marks = [(name, value) for name, value in dead_letter(3).message.headers if name]
    twice = [dead_letter(7, marks), dead_letter(8, marks)]
    assert twice[0].message == twice[1].message
    assert missing(twice, seen(twice[:1]), {PARTITION: 9}) == (twice[1:], {})


@pytest.fixture
def output(topics: Topics) -> OutputTopics:
    connection = {"bootstrap.servers": topics.servers}
    return OutputTopics(connection, topics.diagnoses, topics.dead_letters, 10.0)


@pytest.fixture
def producer(topics: Topics) -> Producer:
    properties = {"bootstrap.servers": topics.servers, "transactional.id": topics.group}
    producer = Producer(properties)
    producer.init_transactions(30)
    return producer


def publish(producer: Producer, topics: Topics, results: Sequence[Result]) -> None:
    """Begin a transaction, and flush these results into the topics."""
    names = {DIAGNOSES: topics.diagnoses, DEAD_LETTERS: topics.dead_letters}
    producer.begin_transaction()
    for topic, message, _ in results:
        producer.produce(names[topic], message.value, message.key, headers=list(message.headers))
    assert producer.flush(30) == 0


@pytest.mark.integration
def test_reads_what_was_committed_since(
    output: OutputTopics, producer: Producer, topics: Topics
) -> None:
    publish(producer, topics, RESULTS[:1])
    producer.commit_transaction(30)
    after = output.ends()
    publish(producer, topics, RESULTS[1:3])
    producer.commit_transaction(30)
    publish(producer, topics, RESULTS[3:])
    producer.abort_transaction(30)
    until = output.ends()
    publish(producer, topics, RESULTS)
    eventually(lambda: is_decided(output, until), "the transactions to be decided")
    read = output.read(after, until)
    assert [read.take(result) for result in RESULTS] == [False, True, True, False]
    producer.abort_transaction(30)


@pytest.mark.integration
def test_reading_fails_while_a_transaction_is_undecided(
    output: OutputTopics, producer: Producer, topics: Topics
) -> None:
    after = output.ends()
    publish(producer, topics, RESULTS)
    until = output.ends()
    with pytest.raises(TransientKafkaError, match="transactions are open in partitions"):
        output.read(after, until)
    producer.commit_transaction(30)
    eventually(lambda: is_decided(output, until), "the transaction to be decided")
    read = output.read(after, until)
    assert all(read.take(result) for result in RESULTS)


def is_decided(output: OutputTopics, until: dict[str, dict[int, int]]) -> bool:
    try:
        output.read(until, until)
    except TransientKafkaError:
        return False
    return True


@pytest.mark.integration
def test_a_missing_topic_is_an_error(topics: Topics) -> None:
    connection = {"bootstrap.servers": topics.servers}
    output = OutputTopics(connection, topics.diagnoses, "not-there", 5.0)
    with pytest.raises((TransientKafkaError, FatalKafkaError)):
        output.ends()
