"""Which results are in the output: the consumer's position, found in what it has published.

Kafka confirms a commit to the producer before every partition has the marker. If the broker dies in
between, and is the only replica of a partition, Kafka 4 leaves out partitions that have no leader
yet when it is back ("these partitions are likely deleted already", reads its log). What a
transaction wrote there stays undecided, and goes when a later transaction in that partition is
aborted; or the offsets go, and the results stay. So where a partition has a single replica, the
committed offset alone does not define what is done. The output does.

With two replicas or more none of this is needed, and nothing here is used.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from confluent_kafka import IsolationLevel, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from bearing_stream import wire
from bearing_stream.kafka import FatalKafkaError, Span, TopicReader, TransientKafkaError, classify
from bearing_stream.kafka.connection import Properties
from bearing_stream.wire import Headers, Input, readable_headers
from bearing_stream.wire.error_headers import RESULT_OF
from consumer import events
from consumer.events import emit
from consumer.kafka.commit_note import CLOCK_TOLERANCE, CommitNote
from consumer.messages import Origin, Partition

_MARK: Final = TypeAdapter(tuple[str, str, int, int])

POLL_PAUSE: Final = 0.05
"""Seconds between two checks whether the output is decided."""


class _Model(BaseModel):
    name: str
    version: str


class _Diagnosed(BaseModel):
    """What a diagnosis holds about its origin."""

    input: Input
    model: _Model


class OutputTopics:
    """The output topics of a cluster, as read by one consumer group with its model."""

    def __init__(
        self,
        properties: Properties,
        admin: AdminClient,
        diagnoses_topic: str,
        dead_letters_topic: str,
        *,
        group: str,
        model: tuple[str, str],
        timeout: float,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect when asked.

        Args:
            properties: Connection properties of the client.
            admin: A client of the same user.
            diagnoses_topic: Must exist.
            dead_letters_topic: Must exist.
            group: Only its dead letters count.
            model: Name and version: only its diagnoses count, made with any table of sensors. Other
                models may publish to the same topics.
            timeout: Seconds to wait for a response.
            patience: Seconds after which a transaction that is open counts as left undecided.
            clock: Monotonic seconds.
            sleep: Waits some seconds.
        """
        self._properties = properties
        self._admin = admin
        self._topics = (diagnoses_topic, dead_letters_topic)
        self._mine = Mine(dead_letters_topic, group, model)
        self._timeout = timeout
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._undecided_since: dict[str, float] = {}

    def since(self, notes: Mapping[Partition, CommitNote]) -> dict[Partition, set[int]]:
        """Return the offsets whose results are committed, from each note's `first` on.

        Memory is bounded by what a group publishes between two commits.

        Raises:
            TransientKafkaError: Kafka does not respond, or something published before is still
                undecided.
            FatalKafkaError: The cluster refuses.
        """
        found: dict[Partition, set[int]] = {partition: set() for partition in notes}
        # Negative times are names of ends to Kafka, or nothing at all.
        since = max(min(note.since or 0 for note in notes.values()) - CLOCK_TOLERANCE, 0)
        for topic in self._topics:
            for message in self._read(topic, since):
                headers = readable_headers(message) or []
                result = wire.Message(message.key(), message.value(), headers)
                origin = origin_of(topic, result, self._mine)
                if origin is None:
                    continue
                partition, offset = origin
                note = notes.get(partition)
                if note is None or message.timestamp()[1] < (note.born or 0):
                    continue
                if offset >= (note.first or 0):
                    found[partition].add(offset)
        return found

    def _read(self, topic: str, since: int) -> Iterable[Message]:
        """Yield what is committed in a topic from a time on, up to where it ends now."""
        try:
            with TopicReader(self._properties, topic, timeout=self._timeout) as reader:
                ends = self._ends(topic, reader.spans())
                decided = self._decided(topic, ends, reader)
                firsts = reader.offsets_at(since)
                yield from reader.read(
                    {number: Span(_or_end(firsts.get(number), end), end) for number, end in decided}
                )
        except FatalKafkaError as refusal:
            raise TransientKafkaError(str(refusal)) from None

    def _decided(
        self, topic: str, ends: list[tuple[int, int]], reader: TopicReader
    ) -> list[tuple[int, int]]:
        """Wait until everything before these ends is committed or aborted; return where that ends.

        Other consumers publish to the same partitions, and nearly always one of their transactions
        is open. One that is open for longer than Kafka lets it be is of a process that died and
        left it undecided; then what follows it cannot be known, and counts as missing.
        """
        deadline = self._clock() + self._timeout
        while True:
            spans = reader.spans()
            decided = [(number, min(end, spans[number].end)) for number, end in ends]
            if decided == ends:
                self._undecided_since.pop(topic, None)
                return ends
            if self._clock() >= deadline:
                break
            self._sleep(POLL_PAUSE)
        partitions = [number for number, end in ends if (number, end) not in decided]
        since = self._undecided_since.setdefault(topic, self._clock())
        if self._clock() < since + self._patience:
            raise TransientKafkaError(
                f"transactions are open in partitions {partitions} of '{topic}'"
            )
        emit(events.OUTPUT_UNDECIDED, topic=topic, partitions=partitions)
        return decided

    def _ends(self, topic: str, spans: Iterable[int]) -> list[tuple[int, int]]:
        """Return where the partitions end; records that are undecided count."""
        asked = {
            TopicPartition(topic, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for number in spans
        }
        try:
            # For the leader epochs, see `topic_log`.
            self._admin.list_topics(topic, self._timeout)
            found = self._admin.list_offsets(
                asked,
                isolation_level=IsolationLevel.READ_UNCOMMITTED,
                request_timeout=self._timeout,
            )
            return [(place.partition, end.result().offset) for place, end in found.items()]
        except KafkaException as failure:
            raise classify(failure.args[0]) from None


class Mine(NamedTuple):
    """What is the group's own in topics that others publish to, too."""

    dead_letters_topic: str
    group: str
    model: tuple[str, str]
    """Name and version."""


def origin_of(topic: str, message: wire.Message, mine: Mine) -> tuple[Partition, int] | None:
    """Return which window a result is of; None if it is of another group or model, or is none."""
    if topic == mine.dead_letters_topic:
        return _marked_origin(message.headers, mine.group)
    try:
        diagnosed = _Diagnosed.model_validate_json(message.value or b"")
    except ValidationError:
        return None
    name, version = mine.model
    if (diagnosed.model.name, _network(diagnosed.model.version)) != (name, _network(version)):
        return None
    return (diagnosed.input.topic, diagnosed.input.partition), diagnosed.input.offset


def _network(version: str) -> str:
    """Return the part of a version that is the network's: the table's changes while we run."""
    return version.partition("-")[0]


def mark_origin(letter: wire.Message, group: str, origin: Origin) -> wire.Message:
    """Return a dead letter with a header that states which message of which group it is for.

    The error headers do not: those of a redriven message are of its first rejection.
    """
    (topic, partition), offset = origin
    mark = to_json((group, topic, partition, offset))
    return letter._replace(headers=[*letter.headers, (RESULT_OF, mark)])


def _marked_origin(headers: Headers, group: str) -> tuple[Partition, int] | None:
    """Return the origin that the last mark in the headers states, if this group wrote it."""
    for name, raw in reversed(headers):
        if name == RESULT_OF:
            try:
                marked = _MARK.validate_json(raw or b"")
            except ValidationError:
                return None
            return ((marked[1], marked[2]), marked[3]) if marked[0] == group else None
    return None


def _or_end(offset: int | None, end: int) -> int:
    return end if offset is None else min(offset, end)
