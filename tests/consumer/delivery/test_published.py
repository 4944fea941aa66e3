"""Which results of this group and this model are in the output, and when that can be known."""

from typing import cast

import pytest
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient
from structlog.testing import capture_logs

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from bearing_stream.kafka.connection import Properties
from bearing_stream.wire import DeadLetter, Message, RejectionReason
from bearing_stream.wire.error_headers import RESULT_OF
from consumer.delivery.published import (
    Mine,
    OutputTopics,
    mark_origin,
    origin_of,
)
from consumer.events import OUTPUT_UNDECIDED
from consumer.kafka.commit_note import CLOCK_TOLERANCE, CommitNote
from consumer.messages import Origin, Partition
from tests.consumer.fakes import (
    DEAD_LETTERS,
    DIAGNOSES,
    GROUP,
    WINDOWS,
    Clock,
    Cluster,
    kafka_error,
)
from tests.kafka_in_memory.admin import InMemoryAdmin
from tests.kafka_in_memory.consumer import InMemoryConsumer
from tests.kafka_tools import Topics, eventually

MODEL = ("bearing-cnn", "0123456789ab")
MINE = Mine(DEAD_LETTERS, GROUP, MODEL)
PARTITION = (WINDOWS, 0)
OTHER = (WINDOWS, 1)
AT = 100_000
"""When results are published, in milliseconds since the epoch."""


def diagnosis(
    offset: int, partition: Partition = PARTITION, model: tuple[str, str] = MODEL, at: int = AT
) -> Message:
    topic, number = partition
    origin = f'{{"topic": "{topic}", "partition": {number}, "offset": {offset}}}'
    value = f'{{"input": {origin}, "model": {{"name": "{model[0]}", "version": "{model[1]}"}}}}'
    return Message(b"pump", value.encode(), [], at)


def dead_letter(offset: int, group: str = GROUP, again: Message | None = None) -> Message:
    """A dead letter, of a message that may have been one before."""
    original = again or Message(b"pump", b"\x00", [])
    letter = DeadLetter(*PARTITION, offset, RejectionReason.WRONG_LENGTH, "expected …", original)
    origin = Origin(PARTITION, offset)
    return mark_origin(letter.message(group), group, origin)._replace(timestamp=AT)


def test_a_diagnosis_of_this_model_has_the_origin_that_it_states() -> None:
    assert origin_of(DIAGNOSES, diagnosis(7, OTHER), MINE) == (OTHER, 7)


def test_a_diagnosis_made_with_another_table_of_sensors_is_ours() -> None:
    edited = (MODEL[0], f"{MODEL[1]}-89abcdef")
    mine = Mine(DEAD_LETTERS, GROUP, (MODEL[0], f"{MODEL[1]}-01234567"))
    assert origin_of(DIAGNOSES, diagnosis(7, model=edited), mine) == (PARTITION, 7)


@pytest.mark.parametrize("model", [("other", MODEL[1]), (MODEL[0], "other")])
def test_a_diagnosis_of_another_model_is_not_ours(model: tuple[str, str]) -> None:
    assert origin_of(DIAGNOSES, diagnosis(7, model=model), MINE) is None


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{}", b"[1]", b'{"input": 3, "model": {}}'])
def test_what_is_no_diagnosis_has_no_origin(value: bytes | None) -> None:
    assert origin_of(DIAGNOSES, Message(b"pump", value, []), MINE) is None


def test_a_dead_letter_has_the_origin_of_its_last_rejection() -> None:
    assert origin_of(DEAD_LETTERS, dead_letter(7), MINE) == (PARTITION, 7)
    again = dead_letter(9, again=dead_letter(7))
    assert origin_of(DEAD_LETTERS, again, MINE) == (PARTITION, 9)
    assert origin_of(DEAD_LETTERS, dead_letter(9, again=dead_letter(7, "others")), MINE) == (
        (PARTITION, 9)
    )


def test_a_dead_letter_of_another_group_is_not_ours() -> None:
    assert origin_of(DEAD_LETTERS, dead_letter(7, "others"), MINE) is None
    assert origin_of(DEAD_LETTERS, dead_letter(9, "others", again=dead_letter(7)), MINE) is None


@pytest.mark.parametrize("mark", [None, b"", b"\xff", b"[]", b'["g", "t", "zero", 1]'])
def test_a_mark_that_is_none_of_ours_has_no_origin(mark: bytes | None) -> None:
    letter = Message(b"pump", b"\x00", [(RESULT_OF, mark)])
    assert origin_of(DEAD_LETTERS, letter, MINE) is None
    assert origin_of(DEAD_LETTERS, letter._replace(headers=[]), MINE) is None


class Output:
    """Both output topics in memory."""

    patience = 60.0

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cluster, self.clock = Cluster(), Clock()
        self.topics = OutputTopics(
            {},
            cast("AdminClient", InMemoryAdmin(self.cluster)),
            DIAGNOSES,
            DEAD_LETTERS,
            group=GROUP,
            model=MODEL,
            timeout=2.0,
            patience=self.patience,
            clock=self.clock,
            sleep=self.clock.sleep,
        )
        monkeypatch.setattr("bearing_stream.kafka.reading.Consumer", self._client)

    def _client(self, _properties: object) -> InMemoryConsumer:
        return InMemoryConsumer(self.cluster, self.clock, partition_eof=True)

    def publish(self, topic: str, *messages: Message, committed: bool | None = True) -> None:
        self.cluster.append_in_transaction(topic, 0, *messages, committed=committed)

    def since(self, first: int, milliseconds: int = AT) -> set[int]:
        """The offsets of `PARTITION` whose results are there."""
        found = self.topics.since({PARTITION: CommitNote("id", first, milliseconds)})
        assert found.keys() == {PARTITION}
        return found[PARTITION]


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Output:
    return Output(monkeypatch)


def test_finds_what_is_committed_and_not_what_was_aborted(output: Output) -> None:
    output.publish(DIAGNOSES, diagnosis(4), diagnosis(6))
    output.publish(DIAGNOSES, diagnosis(5), committed=False)
    output.publish(DEAD_LETTERS, dead_letter(7))
    output.publish(DEAD_LETTERS, dead_letter(8), committed=False)
    assert output.since(4) == {4, 6, 7}
    assert output.since(6) == {6, 7}


def test_finds_nothing_in_empty_topics(output: Output) -> None:
    assert output.since(0) == set()


def test_results_from_before_a_log_began_are_not_of_its_windows(output: Output) -> None:
    output.publish(DIAGNOSES, diagnosis(4, at=AT - 1), diagnosis(5, at=AT), diagnosis(6, at=AT + 1))
    found = output.topics.since({PARTITION: CommitNote("id", 0, AT, born=AT)})
    assert found == {PARTITION: {5, 6}}


def test_a_note_without_a_time_reads_everything(output: Output) -> None:
    output.publish(DIAGNOSES, diagnosis(4, at=0))
    found = output.topics.since({PARTITION: CommitNote("id", 0)})
    assert found == {PARTITION: {4}}


def test_leaves_out_what_others_published_and_partitions_that_nobody_asked_for(
    output: Output,
) -> None:
    output.publish(DIAGNOSES, diagnosis(4, model=("other", "1")), diagnosis(5, OTHER))
    output.publish(DEAD_LETTERS, dead_letter(6, "others"))
    output.publish(DIAGNOSES, Message(b"k", b"no diagnosis", [], AT), diagnosis(9))
    assert output.since(0) == {9}


def test_reads_from_the_time_on_that_the_note_states_less_what_clocks_differ(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    monkeypatch.setattr(
        "consumer.delivery.published.readable_headers",
        lambda message: read.append(message.offset()),
    )
    output.publish(DIAGNOSES, *[diagnosis(n, at=AT + 1_000 * n) for n in range(10)])
    assert output.since(0, AT + 5_000) == set(range(3, 10))
    assert read == list(range(3, 10)), "memory and time depend on what is new"
    assert CLOCK_TOLERANCE == 2_000


def test_waits_for_a_transaction_that_ends_soon(output: Output) -> None:
    output.publish(DIAGNOSES, diagnosis(4), committed=None)
    calls = 0

    def sleep(seconds: float) -> None:
        nonlocal calls
        output.clock.sleep(seconds)
        calls += 1
        if calls == 3:
            output.publish(DIAGNOSES, committed=True)

    output.topics._sleep = sleep
    assert output.since(0) == {4}


@pytest.mark.parametrize("topic", [DIAGNOSES, DEAD_LETTERS])
def test_what_stays_undecided_is_an_error_until_patience_ends_and_then_missing(
    output: Output, topic: str
) -> None:
    make = diagnosis if topic == DIAGNOSES else dead_letter
    output.publish(topic, make(4))
    output.publish(topic, make(5), committed=None)
    output.cluster.append(topic, 0, make(6))
    before = output.clock.now
    with capture_logs() as lines:
        while output.clock.now < before + output.patience:
            with pytest.raises(TransientKafkaError, match=r"open in partitions \[0\] of"):
                output.since(0)
            output.clock.sleep(1)
        assert lines == []
        output.clock.sleep(3)
        assert output.since(0) == {4}
    [line] = lines
    assert (line["event"], line["topic"]) == (OUTPUT_UNDECIDED.name, topic)
    assert line["partitions"] == [0]


def test_patience_begins_anew_with_the_next_transaction(output: Output) -> None:
    for number in range(5):
        output.publish(DIAGNOSES, diagnosis(number), committed=None)
        with pytest.raises(TransientKafkaError):
            output.since(0)
        output.publish(DIAGNOSES, committed=True)
        assert output.since(0) == set(range(number + 1))
        output.clock.sleep(output.patience)


def test_a_cluster_that_does_not_respond_is_a_transient_error(output: Output) -> None:
    output.cluster.happens_in("list_offsets", kafka_error(KafkaError._TIMED_OUT))
    with pytest.raises(TransientKafkaError):
        output.since(0)


def topics_of(topics: Topics, dead_letters: str | None = None) -> OutputTopics:
    connection: Properties = {"bootstrap.servers": topics.servers}
    return OutputTopics(
        connection,
        AdminClient(connection),
        topics.diagnoses,
        dead_letters or topics.dead_letters,
        group=GROUP,
        model=MODEL,
        timeout=5.0,
        patience=600.0,
    )


@pytest.fixture
def producer(topics: Topics) -> Producer:
    properties = {"bootstrap.servers": topics.servers, "transactional.id": topics.group}
    producer = Producer(properties)
    producer.init_transactions(30)
    return producer


def publish(producer: Producer, topics: Topics, *offsets: int) -> None:
    """Begin a transaction, and flush a diagnosis and a dead letter for each pair of offsets."""
    producer.begin_transaction()
    for offset in offsets:
        is_letter = offset % 2
        message = dead_letter(offset) if is_letter else diagnosis(offset)
        topic = topics.dead_letters if is_letter else topics.diagnoses
        producer.produce(topic, message.value, message.key, headers=list(message.headers))
    assert producer.flush(30) == 0


@pytest.mark.integration
def test_finds_what_is_committed_on_a_real_kafka(topics: Topics, producer: Producer) -> None:
    output, notes = topics_of(topics), {PARTITION: CommitNote("id", 2, 0)}
    publish(producer, topics, 1, 2, 3, 4)
    producer.commit_transaction(30)
    publish(producer, topics, 5, 6)
    producer.abort_transaction(30)
    assert output.since(notes) == {PARTITION: {2, 3, 4}}
    publish(producer, topics, 7, 8)
    with pytest.raises(TransientKafkaError, match="transactions are open in partitions"):
        output.since(notes)
    producer.commit_transaction(30)
    eventually(lambda: output.since(notes) == {PARTITION: {2, 3, 4, 7, 8}}, "the commit")


@pytest.mark.integration
def test_a_missing_topic_is_an_error(topics: Topics) -> None:
    output = topics_of(topics, "not-there")
    with pytest.raises((TransientKafkaError, FatalKafkaError)):
        output.since({PARTITION: CommitNote("id", 0, 0)})
