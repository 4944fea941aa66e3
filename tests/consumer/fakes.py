"""The topics of the consumer on the in-memory Kafka, and what its unit tests put into them.

The rules of Kafka are in `tests/kafka_in_memory`; here is what knows of windows and diagnoses.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bearing_stream.sampling import least_length
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS, WINDOW_LENGTH
from bearing_stream.wire import (
    Measurement,
    Message,
    ModelInfo,
    Window,
    encode_measurement,
    encode_window,
    read_error_headers,
)
from consumer.batch import Batch
from consumer.delivery.published import mark_origin
from consumer.kafka.commit_note import CommitNote
from consumer.messages import Origin, Positions
from consumer.results import Inference, diagnoses
from model.assessment import Assessment
from model.diagnoser import Examination
from model.examined import Examined
from model.indicators import indicators
from model.statistics import statistics
from tests.kafka_in_memory.clock import Clock
from tests.kafka_in_memory.cluster import Cluster as InMemoryKafka
from tests.kafka_in_memory.errors import abortable, fenced, kafka_error, timed_out
from tests.kafka_in_memory.log import PartitionLog
from tests.kafka_in_memory.polled import Polled
from tests.kafka_in_memory.rival import Output, Rival
from tests.kafka_in_memory.transactions import OFFSETS

__all__ = [
    "OFFSETS",
    "Clock",
    "abortable",
    "fenced",
    "kafka_error",
    "timed_out",
]

WINDOWS, DIAGNOSES, DEAD_LETTERS = "bearing.windows", "bearing.diagnoses", "bearing.dead-letters"
OUTPUT = (DIAGNOSES, DEAD_LETTERS)
GROUP = "consumers"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass
class FakeMessage(Polled):
    """A polled message of the windows topic."""

    topic_name: str = WINDOWS


def window(number: int, label: int = 0) -> Message:
    """A good window, to which `StubAssessor` gives the label `label`."""
    samples = np.arange(label, label + WINDOW_LENGTH, dtype=np.float32)
    return encode_window(Window("/fake", f"w{number:06d}", "pump", START, samples))._replace(
        timestamp=1_000
    )


def measurement(number: int, label: int = 0, windows: int = 3, rate: float = 12_000) -> Message:
    """A measurement of several windows, to which `StubAssessor` gives the label `label`."""
    length = least_length(rate) + round(rate / 12_000 * WINDOW_LENGTH * (windows - 1)) + 100
    samples = label + 0.1 * np.sin(np.arange(length) * 250.0 / rate)
    sent = Measurement("/fake", f"w{number:06d}", "pump", START, samples, rate, unit="g")
    return encode_measurement(sent)._replace(timestamp=1_000)


def malformed(number: int) -> Message:
    """A message that is no window."""
    return Message(f"bad{number}".encode(), b"\x00", [("x", None)], 1_000)


class StubAssessor:
    """Takes the first sample for the label, so that a diagnosis shows which message it is of.

    A Ball is a novelty to it.
    """

    name, version, device, backend = "stub", "0123456789ab", "cpu", "native"

    def examine(self, windows: NDArray[np.float32]) -> Examined:
        labels = np.rint(windows[:, 0]).astype(int)
        probabilities = np.eye(len(FAULT_LABELS), dtype=np.float32)[labels]
        network = Examination(probabilities, np.zeros(len(windows), np.float32))
        return Examined(network, statistics(windows, 16))

    def assess(
        self,
        windows: NDArray[np.float32],
        rpm: NDArray[np.float64],
        sensors: list[str],
        counts: NDArray[np.int64] | None = None,
        examined: Examined | None = None,
    ) -> Assessment:
        if counts is None:
            counts = np.ones(len(windows), np.int64)
        assert windows.shape == (counts.sum(), WINDOW_LENGTH)
        assert rpm.shape == counts.shape == (len(sensors),)
        examined = examined or self.examine(windows)
        assert len(examined.network.probabilities) == len(examined.signal.high) == len(windows)
        probabilities = examined.network.probabilities[np.cumsum(counts) - counts]
        novel = probabilities.argmax(axis=1) == FAULT_LABELS.index("Ball")
        flags = np.zeros((len(sensors), len(QUALITY_FLAGS)), np.bool_)
        flags[:, QUALITY_FLAGS.index("novelty")] = novel
        return Assessment(probabilities, np.where(novel, 2, 0.5).astype(np.float32), flags)


class FakeExaminer:
    """Examines what the windows were when they were begun, two at a time, in no thread."""

    def __init__(self, assessor: StubAssessor) -> None:
        self._assessor = assessor
        self._begun: list[NDArray[np.float32]] = []

    @property
    def has_begun(self) -> bool:
        return bool(self._begun)

    @property
    def due(self) -> int:
        return len(self._begun) + 2

    def begin(self, windows: NDArray[np.float32]) -> None:
        self._begun += [window.copy() for window in windows[len(self._begun) :]]

    def examined(self, first: int, end: int) -> Examined:
        assert 0 <= first < end <= len(self._begun)
        return self._assessor.examine(np.array(self._begun[first:end]))

    def clear(self) -> None:
        self._begun.clear()


class SlowAssessor(StubAssessor):
    """Takes its time over each window."""

    def __init__(self, clock: Clock, each: float) -> None:
        self._clock, self._each = clock, each

    def assess(self, windows: NDArray[np.float32], *others: Any) -> Assessment:
        self._clock.sleep(self._each * len(windows))
        return super().assess(windows, *others)


def result_of(polled: Polled, assessor: StubAssessor) -> Output:
    """What a consumer with this model publishes for a message: a diagnosis or a dead letter."""
    batch = Batch(1, 0.0)
    batch.add(polled, 0.0)
    if batch.dead_letters:
        letter = batch.dead_letters[0]
        origin = Origin((letter.topic, letter.partition), letter.offset)
        return Output(DEAD_LETTERS, mark_origin(letter.message(GROUP), GROUP, origin))
    [accepted] = batch.accepted
    counts = np.array([accepted.windows])
    sensors = [accepted.attributes.sensor]
    assessment = assessor.assess(batch.samples, np.full(1, np.nan), sensors, counts)
    model = ModelInfo(
        name=assessor.name,
        version=assessor.version,
        device=assessor.device,
        backend=assessor.backend,
    )
    measured = indicators(batch.samples, counts)
    inference = Inference(assessment, measured, len(batch.samples), 2.0, 0.0, model)
    [diagnosis] = diagnoses(batch, inference, 2.0)
    return Output(DIAGNOSES, diagnosis)


class Cluster(InMemoryKafka):
    """The three topics, and the group of the consumer."""

    def __init__(
        self,
        partitions: int = 2,
        *,
        rivals_wait: bool = True,
        **configuration: Any,
    ) -> None:
        """Create the topics.

        Args:
            partitions: Of each topic.
            rivals_wait: Whether no other member takes a partition of which a commit in part left
                output without offsets, or offsets without output. A real one completes it first,
                see `test_a_successor_completes_what_its_predecessor_left`; this one does not.
            **configuration: Of the output topics; see `TopicConfiguration`.
        """
        super().__init__(partitioner=_origin_partition)
        self.create_topic(WINDOWS, partitions)
        for topic in OUTPUT:
            self.create_topic(topic, partitions, **configuration)
        self.members = self.group(GROUP)
        self.deaths = 0
        """Of the broker; without one nothing is left undecided."""
        self._rivals_wait = rivals_wait
        self._rival = Rival(
            self,
            GROUP,
            "rival",
            lambda one: result_of(one, StubAssessor()),
            # As ours does: whose output is checked begins at its last commit.
            lambda first: CommitNote(None, first, 0).encode(),
        )

    @property
    def partitions(self) -> int:
        """Of the windows topic."""
        return len(self.topic(WINDOWS).logs)

    @property
    def log(self) -> dict[int, "WindowsLog"]:
        """The partitions of the windows topic."""
        return {number: WindowsLog(self, number) for number in range(self.partitions)}

    @property
    def begins(self) -> "Begins":
        """Where the partitions of the windows topic begin; assigning applies retention."""
        return Begins(self)

    @property
    def committed(self) -> Positions:
        """The group's offsets."""
        return self.members.committed

    @property
    def output(self) -> list[tuple[str, Message]]:
        """What a reader of committed messages sees of both output topics, by time."""
        return [
            (topic, entry.message)
            for topic, _, entry in self.visible(*OUTPUT)
            if entry.message is not None
        ]

    @property
    def leaderless(self) -> frozenset[object]:
        """What the markers of the next commit do not reach: output partitions, and `OFFSETS`."""
        return self.transactions.leaderless

    @leaderless.setter
    def leaderless(self, missed: frozenset[object]) -> None:
        self.transactions.leaderless = missed

    @property
    def forgets_partitions(self) -> bool:
        """Whether transactions left open end without markers, as in partitions without a leader."""
        return self.transactions.forgets_partitions

    @forgets_partitions.setter
    def forgets_partitions(self, forgets: bool) -> None:
        self.transactions.forgets_partitions = forgets

    @property
    def is_undecided(self) -> bool:
        """Whether a transaction has ended, and a partition or the offsets lack its marker."""
        return bool(self.transactions.undecided() or self.members.undecided)

    @property
    def ends(self) -> Positions:
        """What the group has committed once every window is processed."""
        logs = {(WINDOWS, number): log for number, log in enumerate(self._windows)}
        found = {where: log.records() for where, log in logs.items()}
        return {
            where: records[-1].offset + 1 if records else logs[where].start
            for where, records in found.items()
        }

    def arrive(self, partition: int, *messages: Message) -> None:
        """Append to the windows topic."""
        self.append(WINDOWS, partition, *messages)

    def another_consumer_takes(self, partition: int, most: int) -> int:
        """Another member of the group processes some windows, exactly once; returns how many."""
        if self._rivals_wait and self._is_incomplete(partition):
            return 0
        return self._rival.take(WINDOWS, partition, most)

    def _is_incomplete(self, partition: int) -> bool:
        """Whether output and offsets of a partition disagree, as after a commit in part."""
        done = self.committed.get((WINDOWS, partition), 0)
        out = {offset for number, offset in self.places_out() if number == partition}
        return out != {
            message.offset() for message in self.log[partition] if message.offset() < done
        }

    def places_out(self, *topics: str) -> list[tuple[int, int]]:
        """Partition and offset of every window that came out, in the order in which it did."""
        return [_place(message) for topic, message in self.output if topic in (topics or {topic})]

    @property
    def _windows(self) -> list[PartitionLog]:
        return self.topic(WINDOWS).logs


class WindowsLog:
    """A partition of the windows topic, as a list of the messages at their offsets."""

    def __init__(self, cluster: Cluster, partition: int) -> None:
        self._cluster, self._partition = cluster, partition
        self._log = cluster.log_of(WINDOWS, partition)

    @property
    def high_watermark(self) -> int:
        """The offset of what comes next."""
        return self._log.high_watermark

    def __iter__(self) -> Iterator[FakeMessage]:
        for entry in self._log.records():
            if entry.message is not None:
                yield FakeMessage(entry.message, self._partition, entry.offset)

    def __getitem__(self, offset: int) -> FakeMessage:
        return next(message for message in self if message.offset() == offset)

    def __delitem__(self, offsets: slice) -> None:
        """Leave offsets without a message, as compaction does."""
        self._log.compact(range(offsets.start, offsets.stop))

    def insert(self, offset: int, message: FakeMessage) -> None:
        """Let the client return an error before the message at this offset."""
        assert message.failure is not None
        self._cluster.error_before(WINDOWS, self._partition, offset, message.failure)


class Begins:
    """Where the partitions of the windows topic begin."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __setitem__(self, partition: int, offset: int) -> None:
        self._cluster.log_of(WINDOWS, partition).delete_before(offset)


def _origin_partition(_topic: str, message: Message, partitions: int) -> int:
    """Results go to the partition with the number of their window's."""
    try:
        return _place(message)[0] % partitions
    except (KeyError, ValueError):
        return 0


def _place(message: Message) -> tuple[int, int]:
    errors = read_error_headers(message.headers)
    if errors.partition:
        return int(errors.partition), int(errors.offset)
    where = json.loads(message.value or b"")["input"]
    return where["partition"], where["offset"]
