"""After a failure: what a committed transaction published and nobody can read.

Kafka tells a producer that its transaction is committed before every partition has heard of it. If
the broker dies in between, Kafka 4 leaves out the partitions that have no leader when it is back
("these partitions are likely deleted already", says its log). What was published there stays
undecided, and goes when the producer's next transaction in that partition is aborted: lost, if its
offsets were committed elsewhere. So whoever aborts looks afterwards, and completes what was begun.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec
from pydantic import BaseModel, ValidationError

from consumer.batch import Origin, Partition, Positions
from consumer.delivery import Undelivered, verdict
from kafka_client import FatalKafkaError, Span, TopicReader, admin_client
from kafka_client.connection import Properties
from messages import Input, Message, readable_headers

Ends = dict[str, dict[int, int]]
"""Topic → partition → the offset of what comes next there."""


class Answer(NamedTuple):
    """A diagnosis or a dead letter, and of which window it is."""

    topic: str
    message: Message
    origin: Origin


@dataclass
class Transaction:
    """What was published together."""

    after: Ends
    """Where the output topics ended at some time before."""
    disturbances: int
    """How often anything was wrong with a broker before; see `transactions.Transactions`."""
    answers: list[Answer] = field(default_factory=list)


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
