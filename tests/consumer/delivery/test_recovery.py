"""What is missing of a transaction that was committed, and how that is found out."""

from collections.abc import Sequence

import pytest
from confluent_kafka import Producer

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import DeadLetter, Message, RejectionReason
from consumer.batch import Origin, Partition
from consumer.delivery.base import Undelivered
from consumer.delivery.recovery import Answer, OutputTopics, Seen, missing
from tests.consumer.fakes import DEAD_LETTERS, DIAGNOSES, WINDOWS
from tests.kafka_tools import Topics, eventually

PARTITION = (WINDOWS, 0)
OTHER = (WINDOWS, 1)


def diagnosis(offset: int, partition: Partition = PARTITION) -> Answer:
    topic, number = partition
    value = f'{{"input": {{"topic": "{topic}", "partition": {number}, "offset": {offset}}}}}'
    return Answer(DIAGNOSES, Message(b"pump", value.encode(), []), Origin(partition, offset))


def dead_letter(offset: int, headers: Sequence[tuple[str, bytes | None]] = ()) -> Answer:
    original = Message(b"pump", b"\x00", list(headers))
    letter = DeadLetter(WINDOWS, 0, offset, RejectionReason.WRONG_LENGTH, "expected …", original)
    return Answer(DEAD_LETTERS, letter.message(), Origin(PARTITION, offset))


ANSWERS = [diagnosis(7), dead_letter(8), diagnosis(9), diagnosis(4, OTHER)]


def seen(answers: Sequence[Answer]) -> Seen:
    read = Seen()
    for topic, message, _ in answers:
        (read.note_diagnosis if topic == DIAGNOSES else read.note_dead_letter)(message)
    return read


@pytest.mark.parametrize("offset", [10, 25])
def test_nothing_if_all_is_there(offset: int) -> None:
    committed = {PARTITION: offset, OTHER: 5}
    assert missing(ANSWERS, seen(ANSWERS), committed) == ([], {})


@pytest.mark.parametrize("committed", [{PARTITION: 7, OTHER: 4}, {}])
def test_nothing_if_all_of_it_was_aborted(committed: dict[Partition, int]) -> None:
    assert missing(ANSWERS, seen([]), committed) == ([], {})


def test_nothing_if_another_consumer_has_done_it_again() -> None:
    again = [answer._replace(message=answer.message._replace(key=b"again")) for answer in ANSWERS]
    again[1] = ANSWERS[1]
    assert missing(ANSWERS, seen(again), {PARTITION: 10, OTHER: 5}) == ([], {})


@pytest.mark.parametrize("there", range(4))
def test_what_nobody_can_read_and_nobody_will_diagnose(there: int) -> None:
    readable = ANSWERS[:there]
    committed = {PARTITION: 10, OTHER: 5}
    assert missing(ANSWERS, seen(readable), committed) == (ANSWERS[there:], {})


def test_offsets_if_what_they_are_of_is_there() -> None:
    committed = {PARTITION: 7, OTHER: 4}
    assert missing(ANSWERS, seen(ANSWERS), committed) == ([], {PARTITION: 10, OTHER: 5})


def test_both_if_a_part_is_there_before_the_offsets() -> None:
    committed = {PARTITION: 7, OTHER: 4}
    assert missing(ANSWERS, seen(ANSWERS[:2]), committed) == ([ANSWERS[2]], {PARTITION: 10})


def test_dead_letters_that_say_the_same_are_counted() -> None:
    # Rejected once before: what they say of their place is of then.
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


def publish(producer: Producer, topics: Topics, answers: Sequence[Answer]) -> None:
    """Begin a transaction, and have all of it in the topics."""
    names = {DIAGNOSES: topics.diagnoses, DEAD_LETTERS: topics.dead_letters}
    producer.begin_transaction()
    for topic, message, _ in answers:
        producer.produce(names[topic], message.value, message.key, headers=list(message.headers))
    assert producer.flush(30) == 0


@pytest.mark.integration
def test_reads_what_was_committed_since(
    output: OutputTopics, producer: Producer, topics: Topics
) -> None:
    publish(producer, topics, ANSWERS[:1])
    producer.commit_transaction(30)
    after = output.ends()
    publish(producer, topics, ANSWERS[1:3])
    producer.commit_transaction(30)
    publish(producer, topics, ANSWERS[3:])
    producer.abort_transaction(30)
    until = output.ends()
    publish(producer, topics, ANSWERS)
    eventually(lambda: is_decided(output, until), "the transactions to be decided")
    read = output.read(after, until)
    assert [read.take(answer) for answer in ANSWERS] == [False, True, True, False]
    producer.abort_transaction(30)


@pytest.mark.integration
def test_does_not_answer_while_something_is_undecided(
    output: OutputTopics, producer: Producer, topics: Topics
) -> None:
    after = output.ends()
    publish(producer, topics, ANSWERS)
    until = output.ends()
    with pytest.raises(Undelivered, match="transactions are open in partitions"):
        output.read(after, until)
    producer.commit_transaction(30)
    eventually(lambda: is_decided(output, until), "the transaction to be decided")
    read = output.read(after, until)
    assert all(read.take(answer) for answer in ANSWERS)


def is_decided(output: OutputTopics, until: dict[str, dict[int, int]]) -> bool:
    try:
        output.read(until, until)
    except Undelivered:
        return False
    return True


@pytest.mark.integration
def test_a_topic_that_is_not_there_is_waited_for(topics: Topics) -> None:
    connection = {"bootstrap.servers": topics.servers}
    output = OutputTopics(connection, topics.diagnoses, "not-there", 5.0)
    with pytest.raises((Undelivered, FatalKafkaError)):
        output.ends()
