"""Fuzzed messages through the running consumer, and in the topics what became of each."""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as Delivered

from bearing_stream.commands.verify import VerifySettings, verify
from bearing_stream.commands.verify.evidence import headers_of, original_place
from bearing_stream.config import load
from bearing_stream.kafka import TopicReader, TopicSettings, create_topics
from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import Message, Rejection, RejectionReason, decode_window
from bearing_stream.wire import headers as h
from bearing_stream.wire.dead_letter import PREFIX
from tools.bench.consuming import consume_all
from tools.bench.fuzz_messages import Fuzzer, Verdict
from tools.bench.memory import MIB, Sample
from tools.bench.raw_producer import RawProducer
from tools.bench.runs import BenchError

PARTITIONS: Final = 4

CODECS: Final = ("none", "gzip", "zstd", "lz4", "snappy")

ROOMY: Final = {"max.message.bytes": str(2 * 1024 * 1024)}
"""Of the dead letters: an original as large as a broker takes by default, and the error headers."""

UNREADABLE: Final = 500
"""One in so many messages has a header with a name that is not UTF-8."""

WARM_UP: Final = 5
"""One in so many looks at the memory are those of warming up."""

Place = tuple[int, int]
"""Partition and offset."""


@dataclass
class Sent:
    """What is in the windows topic."""

    verdicts: dict[Place, Verdict] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Order:
    """What to do: so many messages of a seed, with these options of `consume`."""

    messages: int
    seed: int
    options: tuple[str, ...] = ()


def fuzz_consumer(servers: str, order: Order, folder: Path) -> dict[str, Any]:
    """Send fuzzed messages, let a consumer answer them, and check every answer.

    Raises:
        BenchError: A message was not answered as it must be, or the consumer did not go through.
    """
    name = f"fuzz-{uuid.uuid4().hex[:8]}"
    topics = load(
        TopicSettings,
        {
            "bootstrap_servers": servers,
            "windows_topic": f"{name}.windows",
            "diagnoses_topic": f"{name}.diagnoses",
            "dead_letters_topic": f"{name}.dead-letters",
        },
    )
    reach = topics.client_properties()
    create_topics(reach, dict.fromkeys((topics.windows_topic, topics.diagnoses_topic), PARTITIONS))
    create_topics(reach, {topics.dead_letters_topic: PARTITIONS}, topic_properties=ROOMY)
    sent = send(topics, order)
    watched = consume_all(topics, name, len(sent.verdicts), order.options, folder / f"{name}.log")
    reasons = check_answers(topics, sent)
    given = topics.model_dump() | {"guarantee": _guarantee(order)}
    report = verify(load(VerifySettings, given))
    if report.wrong:
        raise BenchError(f"{report.wrong}: {report.samples}")
    return {
        "messages": order.messages,
        "seed": order.seed,
        "sent": dict(Counter(sent.verdicts.values())),
        "diagnosed": report.diagnosed,
        "dead_letters": dict(reasons),
        "lost": report.lost,
        "duplicated": report.duplicated,
        "altered": report.altered,
        "both": report.both,
        "seconds": round(watched.seconds, 1),
        **_memory(watched.samples),
    }


def _memory(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return in MiB what it took at most in the first fifth of the time and in the rest of it."""
    late = len(samples) // WARM_UP
    return {
        "rss_warm_mib": round(max(one.rss for one in samples[: late + 1]) / MIB, 1),
        "rss_peak_mib": round(max(one.rss for one in samples[late:]) / MIB, 1),
        "rss_end_mib": round(samples[-1].rss / MIB, 1),
    }


def _guarantee(order: Order) -> str:
    return "at-least-once" if "--guarantee=at-least-once" in order.options else "exactly-once"


def send(topics: TopicSettings, order: Order) -> Sent:
    """Send, compressed in every way there is, and tell where each message stands.

    Raises:
        BenchError: A message did not arrive.
    """
    sent = Sent()
    producers = [_producer(topics, codec) for codec in CODECS]
    raw = RawProducer({"bootstrap.servers": topics.bootstrap_servers, "log_level": "0"})
    unreadable = 0
    for number, fuzzed in enumerate(islice(Fuzzer(order.seed), order.messages)):
        # Some in a row, so that batches have more than one.
        producer = producers[number // 200 % len(producers)]
        note = _Note(sent, fuzzed.verdict, fuzzed.message)
        _produce(producer, topics.windows_topic, fuzzed.message, note)
        if number % UNREADABLE == 0:
            raw.send(topics.windows_topic, number // UNREADABLE % PARTITIONS, *_unreadable(number))
            unreadable += 1
    for producer in producers:
        producer.flush(120)
    raw.flush()
    if sent.failed or len(sent.verdicts) != order.messages:
        raise BenchError(f"not all messages arrived: {sent.failed[:3]}")
    for place in _missing(topics, sent):
        sent.verdicts[place] = "bad"
    if len(sent.verdicts) != order.messages + unreadable:
        raise BenchError("Kafka has not as many messages as were sent")
    return sent


@dataclass(frozen=True, slots=True)
class _Note:
    """Told by the client where a message came to stand."""

    sent: Sent
    verdict: Verdict
    message: Message

    def __call__(self, error: KafkaError | None, delivered: Delivered) -> None:
        if error is not None:
            self.sent.failed.append(error.str())
            return
        verdict = self.verdict if self.verdict != "doubtful" else _decoded(self.message)
        self.sent.verdicts[delivered.partition() or 0, delivered.offset() or 0] = verdict


def _decoded(message: Message) -> Verdict:
    """What the decoder says of a doubtful message; the consumer must say the same."""
    try:
        decode_window(message.headers, message.value, np.empty(WINDOW_LENGTH, np.float32))
    except Rejection:
        return "bad"
    return "good"


def _producer(topics: TopicSettings, codec: str) -> Producer:
    return Producer(
        topics.client_properties()
        | {"compression.type": codec, "linger.ms": 20, "enable.idempotence": True, "log_level": 0}
    )


def _produce(producer: Producer, topic: str, message: Message, note: _Note) -> None:
    headers: Any = message.headers
    # A sensor's windows stay together whatever their key; what has no sensor is anywhere.
    sensor = dict(message.headers).get(h.SUBJECT) or b""
    while True:
        try:
            producer.produce(
                topic,
                message.value,
                message.key,
                sum(sensor[:64]) % PARTITIONS,
                headers=headers,
                on_delivery=note,
            )
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def _unreadable(number: int) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    name = (b"\xff\xfe", b"ce_id\xff", b"\xc3(", b"x" * 5000 + b"\x80")[number // UNREADABLE % 4]
    return bytes(8192), [(h.ID.encode(), b"%d" % number), (name, b"1")]


def _missing(topics: TopicSettings, sent: Sent) -> Iterator[Place]:
    """Where messages stand of whose delivery nobody told us: the raw producer's."""
    with TopicReader(topics.client_properties(), topics.windows_topic, "read_uncommitted") as all_:
        for partition, span in all_.spans().items():
            for offset in range(span.start, span.end):
                if (partition, offset) not in sent.verdicts:
                    yield partition, offset


def check_answers(topics: TopicSettings, sent: Sent) -> Counter[str]:
    """Check that what is good was diagnosed and what is bad is a dead letter; count its reasons.

    Raises:
        BenchError: It is not so; names the first of them.
    """
    reach = topics.client_properties()
    reasons: Counter[str] = Counter()
    letters: set[Place] = set()
    with TopicReader(reach, topics.dead_letters_topic) as reader:
        for message in reader.read(reader.spans()):
            headers = headers_of(message)
            original = original_place(headers)
            if original is None:
                raise BenchError(f"a dead letter does not say of what: {headers}")
            letters.add((original.at.partition, original.at.offset))
            told = dict(headers)[PREFIX + "exception.class.name"] or b""
            reasons[RejectionReason(told.decode()).value] += 1
    bad = {place for place, verdict in sent.verdicts.items() if verdict == "bad"}
    if letters != bad:
        # What is neither lost nor both, which `verify` checks, is diagnosed.
        raise BenchError(
            f"{len(bad - letters)} bad messages are no dead letters {sorted(bad - letters)[:3]}, "
            f"and {len(letters - bad)} good ones are {sorted(letters - bad)[:3]}"
        )
    return reasons
