"""After a failure: find what a committed transaction published and no reader can see.

Kafka reports a transaction as committed to its producer before every partition has its commit
marker. If the broker fails in between, Kafka 4, once it is back, skips the partitions that have no
leader ("these partitions are likely deleted already" in its log). What was published there stays
undecided, and is discarded when the producer's next transaction in that partition is aborted: it is
lost if its offsets were committed elsewhere. So after such an abort the consumer reads the output
and completes what was committed.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec
from pydantic import BaseModel, ValidationError

from bearing_stream.kafka import (
    FatalKafkaError,
    Span,
    TopicReader,
    TransientKafkaError,
    admin_client,
)
from bearing_stream.kafka.connection import Properties
from bearing_stream.wire import Input, Message, readable_headers
from consumer.batch import Origin, Partition, Positions
from consumer.delivery.base import classify

ENDS_AGE: Final = 5.0
"""Seconds after which the ends of the output are fetched again. After a failure, the output from
these ends on is read."""

Ends = dict[str, dict[int, int]]
"""Topic → partition → the offset that the next message gets."""


class Result(NamedTuple):
    """A diagnosis or a dead letter, and the window that it belongs to."""

    topic: str
    message: Message
    origin: Origin


class Seen:
    """The committed part of the output, as read."""

    def __init__(self) -> None:
        self._windows: set[Origin] = set()
        self._letters: Counter[object] = Counter()

    def note_diagnosis(self, message: Message) -> None:
        """Record the window of a diagnosis; ignores messages that are not diagnoses."""
        try:
            origin = _Diagnosed.model_validate_json(message.value or b"").input
        except ValidationError:
            return
        self._windows.add(Origin((origin.topic, origin.partition), origin.offset))

    def note_dead_letter(self, message: Message) -> None:
        """Record a dead letter by content: the origin in its headers may be of a past rejection."""
        self._letters[_content(message)] += 1

    def take(self, result: Result) -> bool:
        """Whether a result was read, whichever consumer published it.

        Of dead letters with the same content, each one read is taken once.
        """
        if result.origin in self._windows:
            return True
        content = _content(result.message)
        if found := self._letters[content] > 0:
            self._letters[content] -= 1
        return found


class Output(Protocol):
    """The output topics as their readers see them."""

    def ends(self) -> Ends:
        """Where they end, with undecided messages; raises `TransientKafkaError`."""

    def read(self, after: Ends, until: Ends) -> Seen:
        """What is committed in between.

        Raises:
            TransientKafkaError: Kafka does not respond, or a transaction there is undecided.
        """


class OutputTopics:
    """The output topics of a cluster."""

    def __init__(
        self, properties: Properties, diagnoses_topic: str, dead_letters_topic: str, timeout: float
    ) -> None:
        """Connect.

        Args:
            properties: Connection properties of the client.
            diagnoses_topic: Must exist.
            dead_letters_topic: Must exist.
            timeout: Seconds to wait for a response.

        Raises:
            FatalKafkaError: A property is wrong.
        """
        self._properties = properties
        self._notes: dict[str, Callable[[Seen, Message], None]] = {
            diagnoses_topic: Seen.note_diagnosis,
            dead_letters_topic: Seen.note_dead_letter,
        }
        self._timeout = timeout
        self._admin = admin_client(properties)

    def ends(self) -> Ends:
        """See `Output`."""
        return self._ends(IsolationLevel.READ_UNCOMMITTED)

    def read(self, after: Ends, until: Ends) -> Seen:
        """See `Output`."""
        _check_decided(self._ends(IsolationLevel.READ_COMMITTED), until)
        seen = Seen()
        for topic, note in self._notes.items():
            spans = {
                partition: Span(after[topic].get(partition, 0), end)
                for partition, end in until[topic].items()
            }
            try:
                with TopicReader(self._properties, topic, timeout=self._timeout) as reader:
                    for message in reader.read(spans):
                        headers = readable_headers(message) or []
                        note(seen, Message(message.key(), message.value(), headers))
            except FatalKafkaError as refusal:
                # The reader treats every error as fatal; while brokers fail, a retry may succeed.
                raise TransientKafkaError(str(refusal)) from None
        return seen

    def _ends(self, isolation: IsolationLevel) -> Ends:
        ends: Ends = {topic: {} for topic in self._notes}
        try:
            for topic in self._notes:
                metadata = self._admin.list_topics(topic, self._timeout).topics[topic]
                if metadata.error is not None:
                    raise KafkaException(metadata.error)
                ends[topic] = dict.fromkeys(metadata.partitions, 0)
            requested = {
                TopicPartition(topic, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
                for topic, numbers in ends.items()
                for number in numbers
            }
            responses = self._admin.list_offsets(
                requested, isolation_level=isolation, request_timeout=self._timeout
            )
            for partition, response in responses.items():
                ends[partition.topic][partition.partition] = response.result().offset
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        return ends


def missing(
    results: Iterable[Result], seen: Seen, committed: Positions
) -> tuple[list[Result], Positions]:
    """Find the results to publish, and the positions to commit with them.

    A result that cannot be read, of a window before the committed offset, is missing: nobody would
    diagnose that window again. The windows from the committed offset on will be diagnosed again,
    unless some of their partition's results can be read: then the offset is missing instead.

    Args:
        results: Those that were committed, or may have been, in the order of publishing.
        seen: What can be read of them, with nothing undecided.
        committed: The group's offsets of their windows' partitions.
    """
    by_partition: dict[Partition, list[tuple[Result, bool]]] = {}
    # If a window was diagnosed again after its first result was aborted, the second result counts.
    for result in {result.origin: result for result in results}.values():
        found = by_partition.setdefault(result.origin.partition, [])
        found.append((result, seen.take(result)))
    lacking: list[Result] = []
    positions: Positions = {}
    for partition, found in by_partition.items():
        resumed = committed.get(partition, 0)
        ahead = any(is_seen and result.origin.offset >= resumed for result, is_seen in found)
        lacking += [
            result
            for result, is_seen in found
            if not is_seen and (ahead or result.origin.offset < resumed)
        ]
        if ahead:
            positions[partition] = max(result.origin.offset for result, _ in found) + 1
    return lacking, positions


@dataclass
class _Transaction:
    """The results that were published together."""

    after: Ends
    """Where the output topics ended at some time before."""
    broker_errors: int
    """The count of broker errors when it began."""
    results: list[Result] = field(default_factory=list)


class Journal:
    """Records what was published and committed, and finds what of it is missing after a failure.

    It keeps the last committed transaction and the open one: when a transaction begins, Kafka has
    finished those before the last.
    """

    def __init__(
        self,
        output: Output,
        committed: Callable[[Iterable[Partition]], Positions],
        broker_errors: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without any record.

        Args:
            output: The topics that are published to.
            committed: The group's offsets of partitions. Raises `TransientKafkaError`.
            broker_errors: How many broker errors the client has reported so far. If the count has
                not changed since a transaction began, its commit is certain.
            clock: Monotonic seconds.
        """
        self._output = output
        self._committed = committed
        self._broker_errors = broker_errors
        self._clock = clock
        self._ends: Ends = {}
        self._ends_fetched_at = 0.0
        self._open = _Transaction({}, 0)
        self._is_commit_requested = False
        self._last: _Transaction | None = None
        self._uncertain: list[_Transaction] = []
        self._completion: _Transaction | None = None
        self._read_until: Ends = {}
        self._committed_before: Positions | None = None

    @property
    def is_uncertain(self) -> bool:
        """Whether brokers failed since the beginning of the last committed transaction."""
        return self._last is not None and self._has_errors_since(self._last)

    @property
    def is_to_complete(self) -> bool:
        """Whether `missing` must be called."""
        return bool(self._uncertain)

    def begin(self) -> None:
        """Record that a transaction begins.

        Raises:
            TransientKafkaError: The ends of the output were never known, and are not now.
        """
        self._open = _Transaction(self._earlier_ends(), self._broker_errors())

    def note(self, result: Result) -> None:
        """Record a result that was published in the open transaction."""
        self._open.results.append(result)

    def commit_requested(self) -> None:
        """Record that a commit request follows: the transaction may be committed from here on."""
        self._is_commit_requested = True

    def committed(self) -> None:
        """Record that Kafka reports the transaction as committed."""
        self._last, self._is_commit_requested = self._open, False

    def failed(self) -> None:
        """Record that the open transaction will be aborted, with all that Kafka left undecided."""
        committed = [self._last, self._open if self._is_commit_requested else None]
        self._uncertain += [one for one in committed if one and self._has_errors_since(one)]
        self._last, self._is_commit_requested = None, False

    def undecided_aborted(self) -> None:
        """Record that nothing is undecided any more."""
        self._committed_before = None

    def missing(self) -> tuple[list[Result], Positions]:
        """Find what to publish and to commit; call it again after a failure, until `completed`.

        Raises:
            TransientKafkaError: Kafka does not respond now.
        """
        after = self._uncertain[0].after
        results = [result for transaction in self._uncertain for result in transaction.results]
        committed = self._committed({result.origin.partition for result in results})
        if committed != self._committed_before:
            # The ends are fetched after the offsets: the results that the offsets stand for are
            # before the ends.
            self._read_until, self._committed_before = self._output.ends(), committed
        seen = self._output.read(after, self._read_until)
        self._completion = _Transaction(after, self._broker_errors(), results)
        return missing(results, seen, committed)

    def completed(self) -> None:
        """Record that what was missing is committed; Kafka may leave that undecided too."""
        self._last, self._uncertain = self._completion, []

    def _has_errors_since(self, transaction: _Transaction) -> bool:
        return transaction.broker_errors < self._broker_errors()

    def _earlier_ends(self) -> Ends:
        """Where the output ended some time ago, or now: later output has higher offsets."""
        if not self._ends or self._clock() >= self._ends_fetched_at + ENDS_AGE:
            self._ends_fetched_at = self._clock()
            try:
                self._ends = self._output.ends()
            except TransientKafkaError:
                if not self._ends:
                    raise
        return self._ends


class _Diagnosed(BaseModel):
    """The field of a diagnosis that names its window."""

    input: Input


def _content(message: Message) -> object:
    return message.key, message.value, tuple(message.headers)


def _check_decided(stable: Ends, until: Ends) -> None:
    """Raise `TransientKafkaError` if anything before the ends `until` is undecided."""
    for topic, ends in until.items():
        undecided = [number for number, end in ends.items() if stable[topic].get(number, 0) < end]
        if undecided:
            raise TransientKafkaError(
                f"transactions are open in partitions {undecided} of '{topic}'"
            )
