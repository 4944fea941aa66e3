"""The checker on a real Kafka: it finds each kind of wrongness, and nothing where all is well."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import TopicPartition

from bearing_stream.commands.verify import Place, Report, VerifySettings, verify
from bearing_stream.commands.verify.report import Offender
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import Message
from consumer.events import READY
from tests.bearing_stream.commands.verify.stream import NOW, Stream, dead_letter, tombstone, window
from tests.brokers import Broker
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Load,
    Topics,
    delete_topics,
    new_topics,
    produce,
    read_to_end,
    simulate_windows,
    wait_until_finished,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def stream(broker: Broker) -> Iterator[Stream]:
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    yield Stream(topics)
    delete_topics(topics)


@pytest.fixture
def answered(stream: Stream) -> Stream:
    """Five windows, the fourth a tombstone, all but the third answered."""
    stream.send(window(0), window(1), window(2), tombstone(3), window(4))
    stream.answer_all(but=2)
    return stream


def wrong(report: Report) -> dict[str, int]:
    """What is wrong, and that as many offenders are named."""
    assert {name: len(found) for name, found in report.samples.items()} == report.wrong
    return report.wrong


def test_all_is_well(answered: Stream) -> None:
    answered.diagnosed(answered.answer(2, prediction="Unknown"))
    # It was answered after the last window, in its own sensor's line.
    report = answered.verify()
    assert wrong(report) == {"out_of_order": 1}

    answered.send(window(5, "press-2"))
    answered.diagnosed(answered.answer(5))
    report = answered.verify(from_offset={0: 3})
    assert report.wrong == {}
    assert (report.windows, report.diagnosed, report.dead_letters, report.before) == (3, 2, 1, 3)


def test_lost(answered: Stream) -> None:
    report = answered.verify()
    assert wrong(report) == {"lost": 1}
    assert report.samples["lost"] == [Offender(Place(0, 2))]


def test_duplicated(answered: Stream) -> None:
    answered.diagnosed(answered.answer(4), answered.answer(4))
    answered.buried(answered.answer(3))
    report = answered.verify(to_offset={0: 5})
    assert wrong(report) == {"lost": 1, "duplicated": 3}
    assert report.samples["duplicated"][0] == Offender(Place(0, 4), "diagnosis", Place(0, 3))


def test_at_least_once_allows_duplicates_that_are_told_by_their_id(answered: Stream) -> None:
    answered.diagnosed(answered.answer(4))
    settings = {"guarantee": "at-least-once", "from_offset": {0: 3}}
    assert answered.verify(**settings).wrong == {}
    answered.diagnosed(answered.answer(4, version="another"))
    assert answered.verify(**settings).wrong == {"relabelled": 1}
    assert answered.verify(**settings, model_version="v").wrong == {}


def test_a_window_sent_twice_is_two_windows(stream: Stream) -> None:
    stream.send(window(0), window(0))
    stream.diagnosed(stream.answer(0))
    assert wrong(stream.verify()) == {"lost": 1}
    stream.diagnosed(stream.answer(1))
    assert wrong(stream.verify()) == {}


def test_out_of_order(stream: Stream) -> None:
    stream.send(*(window(i, f"press-{i % 2}") for i in range(4)))
    stream.diagnosed(*(stream.answer(i) for i in (1, 0, 3, 2)))
    assert wrong(stream.verify()) == {}
    stream.send(window(4, "press-0"), window(5, "press-0"))
    stream.diagnosed(stream.answer(5), stream.answer(4))
    assert wrong(stream.verify()) == {"out_of_order": 1}


def test_both(answered: Stream) -> None:
    answered.buried(dead_letter(answered.windows[4], answered.topics.windows, 4))
    assert wrong(answered.verify()) == {"lost": 1, "both": 1}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"window_id": "press-1/0"}, id="of-another-window"),
        pytest.param({"source": "/elsewhere"}, id="of-another-source"),
        pytest.param({"sensor": "press-2"}, id="of-another-sensor"),
        pytest.param({"input": {"partition": 0, "offset": 5}}, id="beyond-the-end"),
        pytest.param({"input": {"partition": 7, "offset": 0}}, id="of-no-partition"),
        pytest.param({"input": {"partition": "?"}}, id="unreadable"),
    ],
)
def test_unknown_diagnosis(answered: Stream, change: dict[str, Any]) -> None:
    if "input" in change:
        change = {"input": {"topic": answered.topics.windows} | change["input"]}
    answered.diagnosed(answered.answer(2, **change))
    report = answered.verify()
    assert wrong(report) == {"lost": 1, "unknown": 1}, report


def test_a_message_without_identity_is_not_diagnosed(stream: Stream) -> None:
    good = window(0)
    doubled = [*good.headers, ("ce_id", b"press-1/0")]
    stream.send(good._replace(headers=doubled))
    stream.diagnosed(Stream(stream.topics, [good]).answer(0))
    assert wrong(stream.verify()) == {"lost": 1, "unknown": 1}


def test_unknown_dead_letter(answered: Stream) -> None:
    answered.buried(tombstone(2), dead_letter(tombstone(2), answered.topics.windows, 99))
    assert wrong(answered.verify()) == {"lost": 1, "unknown": 2}


@pytest.mark.parametrize("part", ["value", "key", "headers", "timestamp"])
def test_altered(stream: Stream, part: str) -> None:
    original = window(0)
    changed: dict[str, Message] = {
        "value": original._replace(value=(original.value or b"")[:-1] + b"\0"),
        "key": original._replace(key=None),
        "headers": original._replace(headers=original.headers[1:]),
        "timestamp": original._replace(timestamp=original.timestamp + 1),
    }
    stream.send(original)
    stream.buried(dead_letter(changed[part], stream.topics.windows, 0))
    assert wrong(stream.verify()) == {"altered": 1}


def test_answers_to_another_topic_are_set_aside(answered: Stream) -> None:
    elsewhere = {"topic": "another", "partition": 0, "offset": 0}
    answered.diagnosed(answered.answer(0, input=elsewhere))
    answered.buried(dead_letter(tombstone(0), "another", 0))
    report = answered.verify()
    assert (report.elsewhere, wrong(report)) == (2, {"lost": 1})


def test_a_range_of_time(stream: Stream) -> None:
    stream.send(*map(window, range(6)))
    stream.answer_all(but=1)

    def at(number: float) -> datetime:
        return datetime.fromtimestamp(NOW / 1000 + number, UTC)

    assert stream.verify(since=at(1), clock_tolerance=1e9).lost == 1
    report = stream.verify(since=at(2), until=at(4), clock_tolerance=1e9)
    assert (report.windows, report.before, report.after, report.wrong) == (2, 1, 2, {})
    assert stream.verify(since=at(99)).windows == 0
    report = stream.verify(until=at(3), from_offset={0: 2})
    assert report.spans == {0: (2, 3)}


def test_a_partition_that_is_not_there(answered: Stream) -> None:
    with pytest.raises(FatalKafkaError, match="has no partition 3; it has 1, from 0"):
        answered.verify(from_offset={3: 0})


def test_what_retention_took_is_not_missed(answered: Stream) -> None:
    admin = AdminClient({"bootstrap.servers": answered.topics.servers})
    for future in admin.delete_records([TopicPartition(answered.topics.windows, 0, 3)]).values():
        future.result()
    report = answered.verify()
    assert (report.windows, report.before, report.wrong) == (2, 2, {})


def test_aborted_windows_are_none_and_uncommitted_answers_do_not_count(stream: Stream) -> None:
    producer = Producer(
        {"bootstrap.servers": stream.topics.servers, "transactional.id": stream.topics.group}
    )
    producer.init_transactions(30)
    for finish in (producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        made = window(0)
        producer.produce(
            stream.topics.windows, made.value, made.key, headers=list(made.headers), timestamp=NOW
        )
        producer.flush(30)
        finish(30)
    stream.windows = [window(0)] * 3
    producer.begin_transaction()
    said = stream.answer(2)
    producer.produce(stream.topics.diagnoses, said.value, said.key, headers=list(said.headers))
    producer.flush(30)

    before = stream.verify()
    producer.commit_transaction(30)

    assert (before.windows, before.lost) == (1, 1)
    assert stream.verify().wrong == {}


def test_it_waits_for_answers_that_are_still_to_come(answered: Stream) -> None:
    answered.send(window(5))
    late = threading.Timer(1.0, answered.diagnosed, [answered.answer(5)])
    late.start()
    report = answered.verify(from_offset={0: 3}, settle=30)
    late.join()
    assert report.wrong == {}
    assert report.seconds < 30


def test_a_dead_letter_sent_again_as_it_is(stream: Stream) -> None:
    stream.send(tombstone(0))
    first = stream.answer(0)
    stream.send(first)
    # Its dead letter keeps the error headers that it came with.
    stream.buried(first, dead_letter(first, stream.topics.windows, 1))
    assert wrong(stream.verify()) == {}


@pytest.fixture
def topics(broker: Broker) -> Iterator[Topics]:
    topics = new_topics(broker.bootstrap_servers)
    yield topics
    delete_topics(topics)


def checked(topics: Topics, **settings: Any) -> Report:
    return verify(VerifySettings.model_validate(topics.settings | settings))


def test_the_consumer_passes_with_good_and_bad_windows(topics: Topics) -> None:
    sent = simulate_windows(topics, 3000, malformed=0.05)
    with ConsumerProcess(topics) as consumer:
        wait_until_finished(topics)
        consumer.stop()

    report = checked(topics)

    assert report.wrong == {}
    assert report.windows == report.diagnosed + report.dead_letters == sent
    assert report.dead_letters > 100


def test_a_running_system_can_be_checked(topics: Topics) -> None:
    with ConsumerProcess(topics) as consumer, Load(topics) as load:
        consumer.wait_for(READY)
        reports = [checked(topics) for _ in range(2)]
        load.stop()
        reports.append(checked(topics))
        consumer.stop()

    assert [report.wrong for report in reports] == [{}, {}, {}]
    assert reports[-1].windows == load.sent
    assert reports[0].windows < load.sent


def test_a_window_taken_out_of_the_answers_of_the_consumer_is_found(topics: Topics) -> None:
    """All but one of the consumer's own diagnoses, copied to another topic."""
    simulate_windows(topics, 500)
    with ConsumerProcess(topics) as consumer:
        wait_until_finished(topics)
        consumer.stop()
    copies = new_topics(topics.servers)
    said = read_to_end(topics.servers, topics.diagnoses)
    messages = [Message(each.key(), each.value(), each.headers() or []) for each in said]  # type: ignore[arg-type]
    produce(topics.servers, copies.diagnoses, messages[:250] + messages[251:])

    report = checked(topics, diagnoses_topic=copies.diagnoses, settle=0.0)

    delete_topics(copies)
    assert report.wrong == {"lost": 1}
