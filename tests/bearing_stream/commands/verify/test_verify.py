"""The check on a real Kafka: it finds each kind of violation, and none where there is none."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import TopicPartition

from bearing_stream.commands.verify import Offender, Report, VerifySettings, verify
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.kafka.record_id import RecordId
from bearing_stream.wire import DeadLetter, Message, RejectionReason
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
def complete(stream: Stream) -> Stream:
    """Five windows, the fourth a tombstone; all but the third have a result."""
    stream.send(window(0), window(1), window(2), tombstone(3), window(4))
    stream.add_results(but=2)
    return stream


def violations(report: Report) -> dict[str, int]:
    """Return the violations; check that as many offenders are listed."""
    assert {name: len(found) for name, found in report.samples.items()} == report.wrong
    return report.wrong


def test_no_violation(complete: Stream) -> None:
    complete.add_diagnoses(complete.result(2, prediction="Unknown"))
    # Its diagnosis follows that of the last window, of the same sensor.
    report = complete.verify()
    assert violations(report) == {"out_of_order": 1}

    complete.send(window(5, "press-2"))
    complete.add_diagnoses(complete.result(5))
    report = complete.verify(from_offset={0: 3})
    assert report.wrong == {}
    assert (report.windows, report.diagnosed, report.dead_letters, report.before) == (3, 2, 1, 3)


def test_lost(complete: Stream) -> None:
    report = complete.verify()
    assert violations(report) == {"lost": 1}
    assert report.samples["lost"] == [Offender(RecordId(0, 2))]


def test_duplicated(complete: Stream) -> None:
    complete.add_diagnoses(complete.result(4), complete.result(4))
    complete.add_dead_letters(complete.result(3))
    report = complete.verify(to_offset={0: 5})
    assert violations(report) == {"lost": 1, "duplicated": 3}
    assert report.samples["duplicated"][0] == Offender(RecordId(0, 4), "diagnosis", RecordId(0, 3))


def test_at_least_once_allows_duplicates_with_the_same_id(complete: Stream) -> None:
    complete.add_diagnoses(complete.result(4))
    settings = {"guarantee": "at-least-once", "from_offset": {0: 3}}
    assert complete.verify(**settings).wrong == {}
    complete.add_diagnoses(complete.result(4, version="another"))
    assert complete.verify(**settings).wrong == {"relabelled": 1}
    assert complete.verify(**settings, model_version="v").wrong == {}


def test_a_window_sent_twice_is_two_windows(stream: Stream) -> None:
    stream.send(window(0), window(0))
    stream.add_diagnoses(stream.result(0))
    assert violations(stream.verify()) == {"lost": 1}
    stream.add_diagnoses(stream.result(1))
    assert violations(stream.verify()) == {}


def test_out_of_order(stream: Stream) -> None:
    stream.send(*(window(i, f"press-{i % 2}") for i in range(4)))
    stream.add_diagnoses(*(stream.result(i) for i in (1, 0, 3, 2)))
    assert violations(stream.verify()) == {}
    stream.send(window(4, "press-0"), window(5, "press-0"))
    stream.add_diagnoses(stream.result(5), stream.result(4))
    assert violations(stream.verify()) == {"out_of_order": 1}


def test_both(complete: Stream) -> None:
    complete.add_dead_letters(dead_letter(complete.windows[4], complete.topics.windows, 4))
    assert violations(complete.verify()) == {"lost": 1, "both": 1}


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
def test_unknown_diagnosis(complete: Stream, change: dict[str, Any]) -> None:
    if "input" in change:
        change = {"input": {"topic": complete.topics.windows} | change["input"]}
    complete.add_diagnoses(complete.result(2, **change))
    report = complete.verify()
    assert violations(report) == {"lost": 1, "unknown": 1}, report


def test_a_message_without_identity_is_not_diagnosed(stream: Stream) -> None:
    good = window(0)
    doubled = [*good.headers, ("ce_id", b"press-1/0")]
    stream.send(good._replace(headers=doubled))
    stream.add_diagnoses(Stream(stream.topics, [good]).result(0))
    assert violations(stream.verify()) == {"lost": 1, "unknown": 1}


def test_unknown_dead_letter(complete: Stream) -> None:
    complete.add_dead_letters(tombstone(2), dead_letter(tombstone(2), complete.topics.windows, 99))
    assert violations(complete.verify()) == {"lost": 1, "unknown": 2}


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
    stream.add_dead_letters(dead_letter(changed[part], stream.topics.windows, 0))
    assert violations(stream.verify()) == {"altered": 1}


def test_results_of_another_topic_are_out_of_scope(complete: Stream) -> None:
    elsewhere = {"topic": "another", "partition": 0, "offset": 0}
    complete.add_diagnoses(complete.result(0, input=elsewhere))
    complete.add_dead_letters(dead_letter(tombstone(0), "another", 0))
    report = complete.verify()
    assert (report.elsewhere, violations(report)) == (2, {"lost": 1})


def test_a_range_of_time(stream: Stream) -> None:
    stream.send(*map(window, range(6)))
    stream.add_results(but=1)

    def at(number: float) -> datetime:
        return datetime.fromtimestamp(NOW / 1000 + number, UTC)

    assert stream.verify(since=at(1), clock_tolerance=1e9).lost == 1
    report = stream.verify(since=at(2), until=at(4), clock_tolerance=1e9)
    assert (report.windows, report.before, report.after, report.wrong) == (2, 1, 2, {})
    assert stream.verify(since=at(99)).windows == 0
    report = stream.verify(until=at(3), from_offset={0: 2})
    assert report.spans == {0: (2, 3)}


def test_a_partition_that_does_not_exist(complete: Stream) -> None:
    with pytest.raises(FatalKafkaError, match="has no partition 3; it has 1, from 0"):
        complete.verify(from_offset={3: 0})


def test_windows_deleted_by_retention_are_not_lost(complete: Stream) -> None:
    admin = AdminClient({"bootstrap.servers": complete.topics.servers})
    for future in admin.delete_records([TopicPartition(complete.topics.windows, 0, 3)]).values():
        future.result()
    report = complete.verify()
    assert (report.windows, report.before, report.wrong) == (2, 2, {})


def test_aborted_windows_and_uncommitted_results_do_not_count(stream: Stream) -> None:
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
    pending = stream.result(2)
    producer.produce(
        stream.topics.diagnoses, pending.value, pending.key, headers=list(pending.headers)
    )
    producer.flush(30)

    before = stream.verify()
    producer.commit_transaction(30)

    assert (before.windows, before.lost) == (1, 1)
    assert stream.verify().wrong == {}


def test_it_waits_for_further_results(complete: Stream) -> None:
    complete.send(window(5))
    late = threading.Timer(1.0, complete.add_diagnoses, [complete.result(5)])
    late.start()
    report = complete.verify(from_offset={0: 3}, settle=30)
    late.join()
    assert report.wrong == {}
    assert report.seconds < 30


def test_a_dead_letter_redriven_with_its_error_headers(stream: Stream) -> None:
    stream.send(tombstone(0))
    first = stream.result(0)
    stream.send(first)
    # Its dead letter keeps the error headers that it already had.
    stream.add_dead_letters(first, dead_letter(first, stream.topics.windows, 1))
    assert violations(stream.verify()) == {}


def test_a_stub_is_the_dead_letter_of_its_original(stream: Stream) -> None:
    stream.send(window(0)._replace(value=b"ab"), window(1)._replace(value=b"ab"))
    for offset, value in enumerate((b"ab", b"xx")):
        original = stream.windows[offset]._replace(key=None, value=value)
        topic, reason = stream.topics.windows, RejectionReason.WRONG_LENGTH
        stub = DeadLetter(topic, 0, offset, reason, "short", original).stub("group")
        stream.add_dead_letters(stub)
    report = stream.verify()
    assert (report.dead_letters, violations(report)) == (2, {"altered": 1})


@pytest.fixture
def topics(broker: Broker) -> Iterator[Topics]:
    topics = new_topics(broker.bootstrap_servers)
    yield topics
    delete_topics(topics)


def checked(topics: Topics, **settings: Any) -> Report:
    return verify(VerifySettings.model_validate(topics.settings | settings))


def test_the_consumer_violates_nothing_with_valid_and_malformed_windows(topics: Topics) -> None:
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


def test_a_diagnosis_removed_from_the_output_of_the_consumer_is_lost(topics: Topics) -> None:
    """Copies all but one of the consumer's diagnoses to another topic."""
    simulate_windows(topics, 500)
    with ConsumerProcess(topics) as consumer:
        wait_until_finished(topics)
        consumer.stop()
    copies = new_topics(topics.servers)
    diagnoses = read_to_end(topics.servers, topics.diagnoses)
    messages = [Message(each.key(), each.value(), each.headers() or []) for each in diagnoses]  # type: ignore[arg-type]
    produce(topics.servers, copies.diagnoses, messages[:250] + messages[251:])

    report = checked(topics, diagnoses_topic=copies.diagnoses, settle=0.0)

    delete_topics(copies)
    assert report.wrong == {"lost": 1}
