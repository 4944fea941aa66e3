"""After a failure: what a committed transaction published and nobody can read.

Kafka tells a producer that its transaction is committed before every partition has heard of it. If
the broker dies in between, Kafka 4 leaves out the partitions that have no leader when it is back
("these partitions are likely deleted already", says its log). What was published there stays
undecided, and goes when the producer's next transaction in that partition is aborted: lost, if its
offsets were committed elsewhere. So whoever aborts looks afterwards, and completes what was begun.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec
from pydantic import BaseModel, ValidationError

from bearing_stream.kafka import FatalKafkaError, Span, TopicReader, admin_client
from bearing_stream.kafka.connection import Properties
from bearing_stream.wire import Input, Message, readable_headers
from consumer.batch import Origin, Partition, Positions
from consumer.delivery.base import Undelivered, verdict

ENDS_AGE: Final = 5.0
"""Seconds after which the ends of the output are looked up anew. After a failure, what came behind
them is read."""

Ends = dict[str, dict[int, int]]
"""Topic → partition → the offset of what comes next there."""


class Answer(NamedTuple):
    """A diagnosis or a dead letter, and of which window it is."""

    topic: str
    message: Message
    origin: Origin


class Seen:
    """What can be read of the output."""

    def __init__(self) -> None:
        self._windows: set[Origin] = set()
        self._letters: Counter[object] = Counter()

    def note_diagnosis(self, message: Message) -> None:
        """Note of which window it is; what is no diagnosis is none of ours."""
        try:
            said = _Diagnosed.model_validate_json(message.value or b"").input
        except ValidationError:
            return
        self._windows.add(Origin((said.topic, said.partition), said.offset))

    def note_dead_letter(self, message: Message) -> None:
        """Note it as it is: what it says of its origin may be of an earlier rejection."""
        self._letters[_content(message)] += 1

    def take(self, answer: Answer) -> bool:
        """Whether it is there, by whomever; of dead letters that are the same, each once."""
        if answer.origin in self._windows:
            return True
        content = _content(answer.message)
        if there := self._letters[content] > 0:
            self._letters[content] -= 1
        return there


class Output(Protocol):
    """The output topics as their readers see them."""

    def ends(self) -> Ends:
        """Where they end, whatever is undecided; raises `Undelivered`."""

    def read(self, after: Ends, until: Ends) -> Seen:
        """What is committed between; raises `Undelivered` while anything is undecided there."""


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
            timeout: Seconds to wait for an answer.

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
                raise Undelivered(str(refusal)) from None
        return seen

    def _ends(self, isolation: IsolationLevel) -> Ends:
        found: Ends = {topic: {} for topic in self._notes}
        try:
            for topic in self._notes:
                there = self._admin.list_topics(topic, self._timeout).topics[topic]
                if there.error is not None:
                    raise KafkaException(there.error)
                found[topic] = dict.fromkeys(there.partitions, 0)
            asked = {
                TopicPartition(topic, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
                for topic, numbers in found.items()
                for number in numbers
            }
            answers = self._admin.list_offsets(
                asked, isolation_level=isolation, request_timeout=self._timeout
            )
            for partition, answer in answers.items():
                found[partition.topic][partition.partition] = answer.result().offset
        except KafkaException as failure:
            raise verdict(failure.args[0]) from None
        return found


def missing(
    answers: Iterable[Answer], seen: Seen, committed: Positions
) -> tuple[list[Answer], Positions]:
    """What must be published, and which positions committed with it, so that all is done once.

    What is not there and behind the committed offset nobody would diagnose any more. What is before
    it will be diagnosed, unless some of its partition is there: then the offset is what is missing.

    Args:
        answers: That were committed, or may have been; later ones last.
        seen: What can be read of them, nothing being undecided any more.
        committed: The group's offsets of their windows' partitions.
    """
    by_partition: dict[Partition, list[tuple[Answer, bool]]] = {}
    # Of a window that was answered again after its first answer was aborted, the second.
    for answer in {answer.origin: answer for answer in answers}.values():
        found = by_partition.setdefault(answer.origin.partition, [])
        found.append((answer, seen.take(answer)))
    lacking: list[Answer] = []
    positions: Positions = {}
    for partition, found in by_partition.items():
        resumed = committed.get(partition, 0)
        ahead = any(there and answer.origin.offset >= resumed for answer, there in found)
        lacking += [
            answer
            for answer, there in found
            if not there and (ahead or answer.origin.offset < resumed)
        ]
        if ahead:
            positions[partition] = max(answer.origin.offset for answer, _ in found) + 1
    return lacking, positions


@dataclass
class _Transaction:
    """What was published together."""

    after: Ends
    """Where the output topics ended at some time before."""
    disturbances: int
    """How many were known before."""
    answers: list[Answer] = field(default_factory=list)


class Journal:
    """What was committed last, and what of it is missing after a failure.

    It remembers one transaction, and the one that is open: with any further one Kafka has finished
    the one before.
    """

    def __init__(
        self,
        output: Output,
        committed: Callable[[Iterable[Partition]], Positions],
        disturbances: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember nothing yet.

        Args:
            output: The topics that are published to.
            committed: The group's offsets of partitions. Raises `Undelivered`.
            disturbances: How often the client has reported trouble with a broker. Without any since
                a transaction began, Kafka keeps its word on it.
            clock: Monotonic seconds.
        """
        self._output = output
        self._committed = committed
        self._disturbances = disturbances
        self._clock = clock
        self._ends: Ends = {}
        self._looked_at = 0.0
        self._open = _Transaction({}, 0)
        self._is_asked = False
        self._last: _Transaction | None = None
        self._suspects: list[_Transaction] = []
        self._again: _Transaction | None = None
        self._read_until: Ends = {}
        self._committed_then: Positions | None = None

    @property
    def is_in_doubt(self) -> bool:
        """Whether there was trouble since the transaction began that was committed last."""
        return self._last is not None and self._is_disturbed(self._last)

    @property
    def is_to_complete(self) -> bool:
        """Whether `missing` is to be asked."""
        return bool(self._suspects)

    def begin(self) -> None:
        """A transaction begins; raises `Undelivered` if Kafka never told where the output ends."""
        self._open = _Transaction(self._earlier_ends(), self._disturbances())

    def note(self, answer: Answer) -> None:
        """It was published in the transaction that is open."""
        self._open.answers.append(answer)

    def asked(self) -> None:
        """The commit is asked for: from here on it may be there, whatever we hear."""
        self._is_asked = True

    def committed(self) -> None:
        """Kafka says that it is committed."""
        self._last, self._is_asked = self._open, False

    def failed(self) -> None:
        """What is open will be aborted, and what Kafka left undecided with it."""
        was_committed = [self._last, self._open if self._is_asked else None]
        self._suspects += [one for one in was_committed if one and self._is_disturbed(one)]
        self._last, self._is_asked = None, False

    def decided(self) -> None:
        """Nothing is undecided any more."""
        self._committed_then = None

    def missing(self) -> tuple[list[Answer], Positions]:
        """What to publish and to commit; to be asked again until `completed`.

        Raises:
            Undelivered: Kafka does not tell now.
        """
        after = self._suspects[0].after
        answers = [answer for suspect in self._suspects for answer in suspect.answers]
        committed = self._committed({answer.origin.partition for answer in answers})
        if committed != self._committed_then:
            # The ends after the offsets: what those are of is before the ends.
            self._read_until, self._committed_then = self._output.ends(), committed
        seen = self._output.read(after, self._read_until)
        self._again = _Transaction(after, self._disturbances(), answers)
        return missing(answers, seen, committed)

    def completed(self) -> None:
        """What was missing is committed, which Kafka may leave undecided like anything else."""
        self._last, self._suspects = self._again, []

    def _is_disturbed(self, transaction: _Transaction) -> bool:
        return transaction.disturbances < self._disturbances()

    def _earlier_ends(self) -> Ends:
        """Where the output ended some time ago, or now: whatever comes is behind that."""
        if not self._ends or self._clock() >= self._looked_at + ENDS_AGE:
            self._looked_at = self._clock()
            try:
                self._ends = self._output.ends()
            except Undelivered:
                if not self._ends:
                    raise
        return self._ends


class _Diagnosed(BaseModel):
    """What a diagnosis says of its window."""

    input: Input


def _content(message: Message) -> object:
    return message.key, message.value, tuple(message.headers)


def _check_decided(settled: Ends, until: Ends) -> None:
    """Raise `Undelivered` if anything before these ends is undecided."""
    for topic, ends in until.items():
        undecided = [number for number, end in ends.items() if settled[topic].get(number, 0) < end]
        if undecided:
            raise Undelivered(f"transactions are open in partitions {undecided} of '{topic}'")
