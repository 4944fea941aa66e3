"""A consumer group: its generation, and its offsets, committed and pending."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, TopicPartition

from tests.kafka_in_memory.errors import abortable, kafka_error

Partition = tuple[str, int]


class CommittedOffset(int):
    """An offset with what is committed with it: a string, and a leader epoch."""

    metadata: str
    leader_epoch: int

    @classmethod
    def of(cls, committed: TopicPartition) -> "CommittedOffset":
        made = cls(committed.offset)
        made.metadata = committed.metadata or ""
        made.leader_epoch = -1 if committed.leader_epoch is None else committed.leader_epoch
        return made

    def at(self, topic: str, partition: int) -> TopicPartition:
        """As the client returns it."""
        return TopicPartition(topic, partition, int(self), self.metadata, self.leader_epoch)


Positions = dict[Partition, int]
"""Offsets; those that a client committed are `CommittedOffset`."""


def positions_of(offsets: Iterable[TopicPartition]) -> Positions:
    return {(each.topic, each.partition): CommittedOffset.of(each) for each in offsets}


def listed(positions: Mapping[Partition, int]) -> list[TopicPartition]:
    """Positions as the client returns them."""
    return [
        offset.at(*partition)
        if isinstance(offset, CommittedOffset)
        else TopicPartition(*partition, offset)
        for partition, offset in positions.items()
    ]


@dataclass
class Group:
    """What the group's coordinator knows.

    Offsets of a transaction are pending until it ends. Meanwhile nobody is given the offsets of
    those partitions (UNSTABLE_OFFSET_COMMIT). The coordinator compares the generation with which a
    member commits, and takes offsets unchecked where no generation is given. It does not compare
    partitions: a member may commit offsets of partitions that another member owns.
    """

    generation: int = 1
    committed: Positions = field(default_factory=dict)
    pending: dict[int, Positions] = field(default_factory=dict)
    """By producer, offsets in a transaction that has not ended."""
    undecided: dict[int, Positions] = field(default_factory=dict)
    """By producer, offsets of a transaction that ended without a marker here; the producer's next
    transaction with offsets of this group decides them."""
    taken_back: Positions = field(default_factory=dict)
    """Undecided offsets that an abort decided, though the output with them may be committed."""
    history: list[tuple[Partition, int]] = field(default_factory=list)
    """Every offset that was ever committed, in order."""

    def check(self, generation: int | None) -> None:
        """Refuse a zombie: raise ILLEGAL_GENERATION."""
        if generation not in (None, self.generation):
            raise abortable(KafkaError.ILLEGAL_GENERATION)

    def commit(self, positions: Positions) -> None:
        """Commit offsets outside of any transaction."""
        self.committed |= positions
        self.history += positions.items()
        self.taken_back = {
            partition: offset
            for partition, offset in self.taken_back.items()
            if self.committed.get(partition, 0) < offset
        }

    def offer(self, producer: int, positions: Positions) -> None:
        """Add offsets to the open transaction of a producer."""
        self.pending[producer] = self.pending.get(producer, {}) | positions

    def decide(self, producer: int, committed: bool) -> None:
        """Write the marker of a producer's transaction."""
        undecided = self.undecided.pop(producer, {})
        pending = self.pending.pop(producer, {})
        if committed:
            self.commit(undecided | pending)
        else:
            self.taken_back |= undecided

    def leave_undecided(self, producer: int) -> None:
        """End a producer's transaction without a marker."""
        pending = self.pending.pop(producer, {})
        self.undecided[producer] = self.undecided.get(producer, {}) | pending

    def is_unstable(self, partitions: Iterable[Partition]) -> bool:
        """Whether a transaction with an offset of one of these partitions has not ended."""
        open_ones = [*self.pending.values(), *self.undecided.values()]
        return any(partition in each for partition in partitions for each in open_ones)

    def fetch(self, partitions: Iterable[Partition]) -> Positions:
        """The committed offsets of those partitions that have one, as `requireStable` gives them.

        Raises:
            KafkaException: UNSTABLE_OFFSET_COMMIT.
        """
        asked = list(partitions)
        if self.is_unstable(asked):
            raise kafka_error(KafkaError.UNSTABLE_OFFSET_COMMIT, retriable=True)
        return {each: self.committed[each] for each in asked if each in self.committed}
