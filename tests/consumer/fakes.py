"""A Kafka in memory, small enough to reason about: what the consumer's unit tests run on.

It keeps the rules on which the guarantee rests: output and offsets of a transaction appear together
or not at all, a new producer with the same transactional id ends what the old one left, offsets are
taken only from the group's present generation, and unchecked from whoever claims no membership.
"""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from confluent_kafka import KafkaError, KafkaException
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS, WINDOW_LENGTH
from bearing_stream.wire import Headers, Message, Window, encode_window
from consumer.batch import Positions
from model.assessment import Assessment

WINDOWS, DIAGNOSES, DEAD_LETTERS = "bearing.windows", "bearing.diagnoses", "bearing.dead-letters"
OFFSETS: Final = "offsets"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def kafka_error(code: int, **flags: bool) -> KafkaException:
    """What the client raises; flags are `fatal`, `retriable`, `txn_requires_abort`."""
    return KafkaException(KafkaError(code, "said the fake", **flags))


def abortable(code: int = KafkaError.ILLEGAL_GENERATION) -> KafkaException:
    return kafka_error(code, txn_requires_abort=True)


def timed_out() -> KafkaException:
    return kafka_error(KafkaError._TIMED_OUT, retriable=True)


def fenced() -> KafkaException:
    return kafka_error(KafkaError._FENCED, fatal=True)


class Clock:
    """Time that passes only when someone waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeMessage:
    """A polled message."""

    message: Message
    partition_number: int = 0
    offset_number: int = 0
    failure: KafkaError | None = None
    topic_name: str = WINDOWS

    def error(self) -> KafkaError | None:
        return self.failure

    def topic(self) -> str:
        return self.topic_name

    def partition(self) -> int:
        return self.partition_number

    def offset(self) -> int:
        return self.offset_number

    def key(self) -> bytes | None:
        return self.message.key

    def value(self) -> bytes | None:
        return self.message.value

    def headers(self) -> Headers | None:
        return self.message.headers

    def timestamp(self) -> tuple[int, int]:
        return 1, self.message.timestamp


def window(number: int, label: int = 0) -> Message:
    """A good window; `StubAssessor` says it is label `label`."""
    samples = np.arange(label, label + WINDOW_LENGTH, dtype=np.float32)
    return encode_window(Window("/fake", f"w{number:06d}", "pump", START, samples))._replace(
        timestamp=1_000
    )


def malformed(number: int) -> Message:
    """A message that is no window."""
    return Message(f"bad{number}".encode(), b"\x00", [("x", None)], 1_000)


class StubAssessor:
    """Says what the first sample says, so that a diagnosis shows which window it is of.

    A Ball is a novelty to it.
    """

    name, version, device = "stub", "0123456789ab", "cpu"

    def assess(
        self, windows: NDArray[np.float32], rpm: NDArray[np.float64], sensors: list[str]
    ) -> Assessment:
        assert windows.shape == (len(sensors), WINDOW_LENGTH)
        assert rpm.shape == (len(sensors),)
        labels = windows[:, 0].astype(int)
        novel = labels == FAULT_LABELS.index("Ball")
        flags = np.zeros((len(windows), len(QUALITY_FLAGS)), np.bool_)
        flags[:, QUALITY_FLAGS.index("novelty")] = novel
        probabilities = np.eye(len(FAULT_LABELS), dtype=np.float32)[labels]
        return Assessment(probabilities, np.where(novel, 2, 0.5).astype(np.float32), flags)


class SlowAssessor(StubAssessor):
    """Takes its time over each window."""

    def __init__(self, clock: Clock, each: float) -> None:
        self._clock, self._each = clock, each

    def assess(
        self, windows: NDArray[np.float32], rpm: NDArray[np.float64], sensors: list[str]
    ) -> Assessment:
        self._clock.sleep(self._each * len(windows))
        return super().assess(windows, rpm, sensors)


@dataclass
class Cluster:
    """One windows topic, its group's offsets, and all that was published for good."""

    partitions: int = 2
    log: dict[int, list[FakeMessage]] = field(default_factory=dict)
    begins: dict[int, int] = field(default_factory=dict)
    """Where a partition begins whose first messages were deleted by retention."""
    committed: Positions = field(default_factory=dict)
    output: list[tuple[str, Message]] = field(default_factory=list)
    generation: int = 1
    epoch: int = 0
    pending: Positions = field(default_factory=dict)
    """Offsets in a transaction that is still open."""
    left: list[tuple[str, Message, Any]] = field(default_factory=list)
    """Output of the transaction that is open."""
    undecided: list[tuple[str, Message]] = field(default_factory=list)
    """Output of a transaction that was ended without a word to the partitions; the next end of a
    transaction there decides it too."""
    undecided_offsets: Positions = field(default_factory=dict)
    """The same of the group's offsets."""
    torn: Positions = field(default_factory=dict)
    """Those that an abort took back, though answers may be there, until they are committed again:
    only who published the answers can know. No other consumer comes in between here; where one
    does, what is there comes twice, with the same `ce_id`."""
    deaths: int = 0
    """Of the broker, and nothing is left undecided without one."""
    leaderless: frozenset[object] = frozenset()
    """What does not hear of the next commit: pairs of an output topic and a partition of the
    windows, whose answers go together, and `OFFSETS`."""
    forgets_partitions: bool = False
    """Whether transactions left open end so, as Kafka's do in partitions without a leader."""
    refused: KafkaError | None = None
    """What a message's delivery report says instead of nothing."""
    faults: dict[str, deque[Any]] = field(default_factory=dict)
    """By name of a client's call, what happens when it is called next: something to call, or
    something to raise."""

    def __post_init__(self) -> None:
        self.log = {number: [] for number in range(self.partitions)}

    def arrive(self, partition: int, *messages: Message) -> None:
        """Append to the windows topic."""
        log = self.log[partition]
        log += [
            FakeMessage(message, partition, len(log) + place)
            for place, message in enumerate(messages)
        ]

    def happens_in(self, call: str, event: Any) -> None:
        """Let something happen in the next call of that name that nothing happens in yet."""
        self.faults.setdefault(call, deque()).append(event)

    def in_call(self, call: str) -> None:
        waiting = self.faults.get(call)
        if not waiting:
            return
        event = waiting.popleft()
        if isinstance(event, BaseException):
            raise event
        event()

    def end_what_was_left(self) -> None:
        """End the open transaction of a producer that was replaced."""
        if self.forgets_partitions:
            self.undecided += [(topic, message) for topic, message, _ in self.left]
        self.left, self.pending = [], {}

    def another_consumer_takes(self, partition: int, most: int) -> None:
        """Another member of the group does some windows, exactly once."""
        if (WINDOWS, partition) in self.pending | self.undecided_offsets | self.torn:
            # Kafka does not tell it where to begin before that transaction has ended. And if that
            # took back offsets of answers that are there, it would answer again.
            return
        done = self.committed.get((WINDOWS, partition), 0)
        for message in self.log[partition][done : done + most]:
            place = {"topic": WINDOWS, "partition": partition, "offset": message.offset()}
            value = json.dumps({"input": place}).encode()
            self.output.append(("another", Message(None, value, [])))
            self.committed[WINDOWS, partition] = message.offset() + 1

    def commit(self, sent: Iterable[tuple[str, Message]]) -> None:
        """End a transaction, and with it what was undecided: it is there, with its offsets."""
        self.output += self.undecided
        self.committed |= self.undecided_offsets
        self.undecided, self.undecided_offsets = [], {}
        self.torn = {each: at for each, at in self.torn.items() if self.pending.get(each, 0) < at}
        for topic, message in sent:
            forgotten = (topic, _place(message)[0]) in self.leaderless
            (self.undecided if forgotten else self.output).append((topic, message))
        if OFFSETS in self.leaderless:
            self.undecided_offsets = self.pending
        else:
            self.committed |= self.pending
        self.left, self.pending, self.leaderless = [], {}, frozenset()

    def abort(self) -> None:
        """End a transaction, and with it what was undecided: all of it is gone."""
        self.torn |= self.undecided_offsets
        self.left, self.pending = [], {}
        self.undecided, self.undecided_offsets = [], {}

    @property
    def ends(self) -> Positions:
        return {(WINDOWS, number): len(log) for number, log in self.log.items() if log}

    def places_out(self, *topics: str) -> list[tuple[int, int]]:
        """Partition and offset of every window that came out, in the order in which it did."""
        return [_place(message) for topic, message in self.output if topic in (topics or {topic})]


def _place(message: Message) -> tuple[int, int]:
    headers = dict(message.headers)
    if (partition := headers.get("__connect.errors.partition")) is not None:
        return int(partition), int(headers["__connect.errors.offset"] or b"")
    where = json.loads(message.value or b"")["input"]
    return where["partition"], where["offset"]
