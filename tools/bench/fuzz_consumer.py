"""Sends fuzzed messages to a running consumer, and checks the result of each in the topics."""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as Delivered

from bearing_stream.commands.verify import VerifySettings, verify
from bearing_stream.commands.verify.fingerprints import headers_of
from bearing_stream.config import load
from bearing_stream.kafka import TopicReader, TopicSettings, create_topics
from bearing_stream.kafka.record_id import RecordId
from bearing_stream.wire import (
    Message,
    Rejection,
    RejectionReason,
    decode_measurement,
    read_error_headers,
)
from bearing_stream.wire import headers as h
from consumer.windows import cut
from tools.bench.consuming import consume_all
from tools.bench.errors import BenchError
from tools.bench.fuzz_messages import Expectation, Fuzzer
from tools.bench.memory import MIB, Sample
from tools.bench.producing import produce
from tools.bench.raw_producer import RawProducer

PARTITIONS: Final = 4

CODECS: Final = ("none", "gzip", "zstd", "lz4", "snappy")

DEAD_LETTER_PROPERTIES: Final = {"max.message.bytes": str(2 * 1024 * 1024)}
"""Of the dead-letter topic: it accepts the largest original, in addition to the error headers."""

UNREADABLE: Final = 500
"""After each 500 messages comes one with a header whose name is not UTF-8."""

WARM_UP: Final = 5
"""The warm-up is this fraction of the samples of the memory."""


@dataclass
class SentMessages:
    """The messages in the windows topic."""

    expectations: dict[RecordId, Expectation] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FuzzRun:
    """The number and seed of the messages, and options of `bearing-stream consume`."""

    messages: int
    seed: int
    options: tuple[str, ...] = ()


def fuzz_consumer(servers: str, run: FuzzRun, folder: Path) -> dict[str, Any]:
    """Send fuzzed messages to a consumer, and check the result of each.

    Raises:
        BenchError: A message has the wrong result, or the consumer failed.
    """
    name = f"fuzz-{uuid.uuid4().hex[:8]}"
    topics = _new_topics(servers, name)
    sent = send(topics, run)
    completed = consume_all(
        topics, name, len(sent.expectations), run.options, folder / f"{name}.log"
    )
    reasons = check_results(topics, sent)
    given = topics.model_dump() | {"guarantee": _guarantee(run)}
    report = verify(load(VerifySettings, given))
    if report.wrong:
        raise BenchError(f"{report.wrong}: {report.samples}")
    return {
        "messages": run.messages,
        "seed": run.seed,
        "sent": dict(Counter(sent.expectations.values())),
        "diagnosed": report.diagnosed,
        "dead_letters": dict(reasons),
        "lost": report.lost,
        "duplicated": report.duplicated,
        "altered": report.altered,
        "both": report.both,
        "seconds": round(completed.seconds, 1),
        **_memory(completed.samples),
    }


def _new_topics(servers: str, name: str) -> TopicSettings:
    topics = load(
        TopicSettings,
        {
            "bootstrap_servers": servers,
            "windows_topic": f"{name}.windows",
            "diagnoses_topic": f"{name}.diagnoses",
            "dead_letters_topic": f"{name}.dead-letters",
        },
    )
    connection = topics.client_properties()
    create_topics(
        connection, dict.fromkeys((topics.windows_topic, topics.diagnoses_topic), PARTITIONS)
    )
    create_topics(
        connection, {topics.dead_letters_topic: PARTITIONS}, topic_properties=DEAD_LETTER_PROPERTIES
    )
    return topics


def _memory(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the peak memory in MiB during the warm-up and after it, and the last value."""
    late = len(samples) // WARM_UP
    return {
        "rss_warm_mib": round(max(one.rss for one in samples[: late + 1]) / MIB, 1),
        "rss_peak_mib": round(max(one.rss for one in samples[late:]) / MIB, 1),
        "rss_end_mib": round(samples[-1].rss / MIB, 1),
    }


def _guarantee(run: FuzzRun) -> str:
    return "at-least-once" if "--guarantee=at-least-once" in run.options else "exactly-once"


def send(topics: TopicSettings, run: FuzzRun) -> SentMessages:
    """Send the messages with every codec; return the expected result of each by its position.

    Raises:
        BenchError: A message was not delivered.
    """
    sent = SentMessages()
    producers = [_producer(topics, codec) for codec in CODECS]
    raw = RawProducer({"bootstrap.servers": topics.bootstrap_servers, "log_level": "0"})
    unreadable = 0
    for number, fuzzed in enumerate(islice(Fuzzer(run.seed), run.messages)):
        # Consecutive messages have the same producer, so that batches contain several.
        producer = producers[number // 200 % len(producers)]
        callback = _DeliveryCallback(sent, fuzzed.expectation, fuzzed.message)
        # The windows of a sensor go to one partition, independently of their keys.
        sensor = dict(fuzzed.message.headers).get(h.SUBJECT) or b""
        partition = sum(sensor[:64]) % PARTITIONS
        produce(producer, topics.windows_topic, fuzzed.message, partition, callback)
        producer.poll(0)
        if number % UNREADABLE == 0:
            raw.send(topics.windows_topic, number // UNREADABLE % PARTITIONS, *_unreadable(number))
            unreadable += 1
    for producer in producers:
        producer.flush(120)
    raw.flush()
    if sent.failed or len(sent.expectations) != run.messages:
        raise BenchError(f"not all messages were delivered: {sent.failed[:3]}")
    for record in _without_callback(topics, sent):
        sent.expectations[record] = "bad"
    if len(sent.expectations) != run.messages + unreadable:
        raise BenchError("Kafka has a different number of messages than were sent")
    return sent


@dataclass(frozen=True, slots=True)
class _DeliveryCallback:
    """Records the expected result of a message at the position where it was delivered."""

    sent: SentMessages
    expectation: Expectation
    message: Message

    def __call__(self, error: KafkaError | None, delivered: Delivered) -> None:
        if error is not None:
            self.sent.failed.append(error.str())
            return
        expectation = self.expectation
        if expectation == "ambiguous":
            expectation = _decide(self.message)
        self.sent.expectations[RecordId.of(delivered)] = expectation


def _decide(message: Message) -> Expectation:
    """Decode an ambiguous message; the consumer must come to the same result."""
    try:
        attributes, samples = decode_measurement(message.headers, message.value)
        cut(samples, attributes.sampling_rate)
    except Rejection:
        return "bad"
    return "good"


def _producer(topics: TopicSettings, codec: str) -> Producer:
    return Producer(
        topics.client_properties()
        | {"compression.type": codec, "linger.ms": 20, "enable.idempotence": True, "log_level": 0}
    )


def _unreadable(number: int) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    name = (b"\xff\xfe", b"ce_id\xff", b"\xc3(", b"x" * 5000 + b"\x80")[number // UNREADABLE % 4]
    return bytes(8192), [(h.ID.encode(), b"%d" % number), (name, b"1")]


def _without_callback(topics: TopicSettings, sent: SentMessages) -> Iterator[RecordId]:
    """Yield the positions of the messages of the raw producer, which has no callbacks."""
    with TopicReader(topics.client_properties(), topics.windows_topic, "read_uncommitted") as topic:
        for partition, span in topic.spans().items():
            for offset in range(span.start, span.end):
                record = RecordId(partition, offset)
                if record not in sent.expectations:
                    yield record


def check_results(topics: TopicSettings, sent: SentMessages) -> Counter[str]:
    """Check that the invalid messages, and no others, are dead letters; count the reasons.

    `verify` checks that the others were diagnosed.

    Raises:
        BenchError: The dead letters are others; lists the first of them.
    """
    connection = topics.client_properties()
    reasons: Counter[str] = Counter()
    letters: set[RecordId] = set()
    with TopicReader(connection, topics.dead_letters_topic) as reader:
        for message in reader.read(reader.spans()):
            headers = headers_of(message)
            errors = read_error_headers(headers)
            if errors.origin is None:
                raise BenchError(f"a dead letter does not name its original: {headers}")
            letters.add(RecordId(errors.origin.partition, errors.origin.offset))
            reasons[RejectionReason(errors.reason).value] += 1
    bad = {record for record, expected in sent.expectations.items() if expected == "bad"}
    if letters != bad:
        missing, wrong = sorted(bad - letters), sorted(letters - bad)
        raise BenchError(
            f"{len(missing)} invalid messages are not dead letters {missing[:3]}, "
            f"and {len(wrong)} valid ones are {wrong[:3]}"
        )
    return reasons
