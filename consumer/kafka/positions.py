"""The position of each owned partition, and which messages are new there."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

from confluent_kafka import TopicPartition

from consumer.kafka.commit_note import CLOCK_TOLERANCE, CommitNote
from consumer.kafka.start import Finding, Start
from consumer.messages import Partition, Positions

MARKED_OFFSETS: Final = 2_000
"""Offsets before a commit that its note covers at least, where the output is unreplicated …"""

MARKED_MILLISECONDS: Final = 60_000
"""… or the transactions of so many milliseconds, whichever is less. Kafka can leave records of a
transaction undecided that was committed some transactions ago, in a partition that had no traffic
since."""

BEGUN: Final = (Finding.NEW, Finding.RECREATED, Finding.TRUNCATED)
"""Where the output may hold results of earlier messages that had the same offsets."""

UNKNOWN_EPOCH: Final = -1
"""What the client takes for no leader epoch."""


class Taken(Enum):
    """What a message is to a position."""

    NEW = auto()
    """A window to diagnose."""
    DONE = auto()
    """Its result is in the output already."""
    REPEATED = auto()
    """It was taken before."""
    OLD = auto()
    """It was diagnosed before the log was cut off behind it."""


class Mark(NamedTuple):
    """The beginning of a transaction in a partition."""

    offset: int
    """Of the first window whose result it holds."""
    milliseconds: int
    """Since the epoch, before the first result was published."""


@dataclass(slots=True)
class Position:
    """Where a partition is read.

    Args:
        next: The next offset that is expected.
        committed: The offset up to which results and offsets are committed.
        epoch: Leader epoch of the last message; None if unknown.
        above_epoch: Only messages with a leader epoch above this one are new; None takes all.
        done: Offsets from `next` on whose results are in the output already.
        marks: Beginnings of the last transactions, oldest first.
        kept_until: The oldest mark stays until the position has passed this offset.
        born: See `CommitNote`.
    """

    next: int
    committed: int
    epoch: int | None = None
    above_epoch: int | None = None
    done: set[int] = field(default_factory=set)
    marks: list[Mark] = field(default_factory=list)
    kept_until: int = 0
    born: int | None = None

    def take(self, offset: int, epoch: int | None) -> "Taken":
        """Move the position beyond a message, unless it was taken before."""
        if self.above_epoch is not None:
            if epoch is None or epoch <= self.above_epoch:
                return Taken.OLD
            self.above_epoch, self.next = None, offset
        if offset < self.next:
            return Taken.REPEATED
        self.next, self.epoch = offset + 1, epoch
        if offset in self.done:
            self.done.discard(offset)
            return Taken.DONE
        return Taken.NEW

    def is_rewritten(self, offset: int, epoch: int | None) -> bool:
        """Whether the log was cut off before this message, and written anew from there.

        The log of a partition ends where it was cut off; what a later leader writes has a higher
        epoch, at offsets that were taken before.
        """
        known = epoch is not None and self.epoch is not None and self.above_epoch is None
        return known and offset < self.next and (epoch or 0) > (self.epoch or 0)

    def marks_at(self, offset: int, began: int) -> list[Mark]:
        """Return the marks once a transaction that began at `began` is committed up to `offset`."""
        marks = self.marks
        if marks and marks[-1].milliseconds > began:
            # The clock was set back: the results since then have earlier times than those before.
            marks = [mark._replace(milliseconds=min(mark.milliseconds, began)) for mark in marks]
        marks = [*marks, Mark(self.committed, began)]
        while len(marks) > 1 and offset > self.kept_until and _is_covered(marks[1], offset, began):
            del marks[0]
        return marks


class Tracker:
    """The positions of the partitions that this consumer owns.

    A partition is `unresolved` until `begin` has set where it is read from.
    """

    def __init__(self, *, leaves_marks: bool) -> None:
        """Own nothing yet.

        Args:
            leaves_marks: Whether commits note where their transactions began, which only an
                unreplicated output needs.
        """
        self._leaves_marks = leaves_marks
        self._positions: dict[Partition, Position | None] = {}
        self.log: str | None = None
        """Id of the topic that the positions belong to; None if unknown."""

    @property
    def owned(self) -> frozenset[Partition]:
        """The partitions that are assigned."""
        return frozenset(self._positions)

    @property
    def unresolved(self) -> list[Partition]:
        """The owned partitions whose position is not known, in order."""
        # Copied in one step: threads that report them read while the loop changes them.
        known = list(self._positions.items())
        return sorted(partition for partition, at in known if at is None)

    @property
    def next(self) -> Positions:
        """The next offset expected in each owned partition where that is known."""
        return {partition: at.next for partition, at in self._positions.items() if at is not None}

    def of(self, partition: Partition) -> Position | None:
        """Return a partition's position; None if it is not owned, or unresolved."""
        return self._positions.get(partition)

    def assign(self, partitions: Iterable[Partition]) -> None:
        """Own more partitions, unresolved."""
        self._positions |= dict.fromkeys(partitions)

    def remove(self, partitions: Iterable[Partition]) -> None:
        """Own these partitions no more."""
        for partition in partitions:
            self._positions.pop(partition, None)

    def forget_positions(self) -> None:
        """Make every owned partition unresolved."""
        self._positions = dict.fromkeys(self._positions)

    def begin(
        self,
        partition: Partition,
        start: Start,
        note: CommitNote,
        committed: int,
        done: set[int],
        now: int,
    ) -> Position:
        """Set where an owned partition is read from.

        Args:
            partition: Owned.
            start: Where its committed offset leads.
            note: What was committed with that offset.
            committed: The committed offset, or the start where there is none.
            done: Offsets from `note.first` on whose results are in the output.
            now: Milliseconds since the epoch.
        """
        at = Position(start.offset, committed, above_epoch=start.above_epoch)
        at.born = now if start.finding in BEGUN else note.born
        if self._leaves_marks and note.first is not None and note.since is not None:
            at.marks = [Mark(note.first, note.since)]
            missing = set(range(note.first, committed)) - done
            at.next = min(missing, default=committed)
            at.done = {offset for offset in done if offset >= at.next}
            at.kept_until = max(committed, max(done, default=0) + 1)
        self._positions[partition] = at
        return at

    def to_commit(self, positions: Positions, began: int) -> list[TopicPartition]:
        """Return positions as Kafka takes them, each with its leader epoch and its note.

        Args:
            positions: The next offset to read, by partition.
            began: Milliseconds since the epoch at which their transaction began.
        """
        return [
            self._committable(partition, offset, began) for partition, offset in positions.items()
        ]

    def note_committed(self, positions: Positions, began: int) -> None:
        """Note that Kafka has committed these positions."""
        for partition, offset in positions.items():
            at = self._positions.get(partition)
            if at is not None:
                if self._leaves_marks:
                    at.marks = at.marks_at(offset, began)
                at.committed = offset

    def _committable(self, partition: Partition, offset: int, began: int) -> TopicPartition:
        topic, number = partition
        at = self._positions.get(partition)
        note = CommitNote(self.log)
        if at is not None and self._leaves_marks:
            first, since = at.marks_at(offset, began)[0]
            if at.born is not None and since - CLOCK_TOLERANCE >= at.born:
                at.born = None
            note = CommitNote(self.log, first, since, at.born)
        epoch = UNKNOWN_EPOCH if at is None or at.epoch is None else at.epoch
        return TopicPartition(topic, number, offset, note.encode(), epoch)


def _is_covered(second: Mark, offset: int, now: int) -> bool:
    """Whether the second mark alone covers enough before a commit at `offset`."""
    return (
        offset - second.offset >= MARKED_OFFSETS or now - second.milliseconds >= MARKED_MILLISECONDS
    )
