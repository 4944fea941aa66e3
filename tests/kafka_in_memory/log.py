"""The log of one partition: records and transaction markers, each at an offset of its own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bearing_stream.wire import Message

Isolation = Literal["read_committed", "read_uncommitted"]


class Kind(StrEnum):
    """What an entry of the log is."""

    RECORD = "record"
    COMMIT = "commit"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Entry:
    """A record, or a marker that ends a producer's transaction."""

    offset: int
    kind: Kind
    message: Message | None
    producer: int | None
    """The id of the transactional producer; None where a record is in no transaction."""
    leader_epoch: int
    serial: int
    """Orders the entries of all logs by when they were appended."""


class OffsetOutOfRangeError(Exception):
    """The log does not hold this offset: it is before the start, or beyond the end."""


class PartitionLog:
    """One partition, as its leader keeps it.

    Records and markers take offsets. A reader with `read_committed` sees neither markers nor
    records of aborted transactions, nor anything at or beyond the last stable offset.
    """

    def __init__(self, serials: Callable[[], int] = lambda: 0) -> None:
        self.start = 0
        """The first offset that retention has not deleted."""
        self.high_watermark = 0
        """The offset of what comes next; also called the log end offset, as here is one replica."""
        self.leader_epoch = 0
        self._serials = serials
        self._entries: list[Entry] = []
        self._open: dict[int, int] = {}
        self._aborted: set[int] = set()
        self._pending: dict[int, list[int]] = {}
        self._epoch_starts: list[tuple[int, int]] = [(0, 0)]

    @property
    def last_stable_offset(self) -> int:
        """Where the first open transaction begins; the high watermark where none is open."""
        return min(self._open.values(), default=self.high_watermark)

    @property
    def open_producers(self) -> set[int]:
        """The producers whose transactions are open here."""
        return set(self._open)

    def end(self, isolation: Isolation) -> int:
        """What `ListOffsets` responds for the latest offset."""
        if isolation == "read_committed":
            return self.last_stable_offset
        return self.high_watermark

    def append(self, message: Message, producer: int | None = None) -> int:
        """Append a record, in a transaction if `producer` is given; returns its offset."""
        entry = self._add(Kind.RECORD, message, producer)
        if producer is not None:
            self._open.setdefault(producer, entry.offset)
            self._pending.setdefault(producer, []).append(entry.offset)
        return entry.offset

    def mark(self, producer: int, committed: bool) -> None:
        """End the transaction of a producer; the marker takes an offset, needed or not."""
        self._add(Kind.COMMIT if committed else Kind.ABORT, None, producer)
        self._open.pop(producer, None)
        offsets = self._pending.pop(producer, [])
        if not committed:
            self._aborted.update(offsets)

    def read(self, offset: int, isolation: Isolation = "read_committed") -> list[Entry]:
        """The records from `offset` on that a reader with this isolation sees.

        Raises:
            OffsetOutOfRangeError: The log does not hold this offset.
        """
        if not self.start <= offset <= self.high_watermark:
            raise OffsetOutOfRangeError(offset)
        end = self.end(isolation)
        skip = self._aborted if isolation == "read_committed" else frozenset[int]()
        return [
            entry
            for entry in self._entries
            if entry.kind is Kind.RECORD
            and offset <= entry.offset < end
            and entry.offset not in skip
        ]

    def records(self, isolation: Isolation = "read_committed") -> list[Entry]:
        """All that a reader sees who begins at the beginning."""
        return self.read(self.start, isolation)

    def delete_before(self, offset: int) -> None:
        """Apply retention; never beyond the high watermark, and never backwards."""
        self.start = max(self.start, min(offset, self.high_watermark))
        self._entries = [entry for entry in self._entries if entry.offset >= self.start]

    def compact(self, offsets: Iterable[int]) -> None:
        """Take records out of the middle; all others keep their offsets."""
        gone = set(offsets)
        self._entries = [entry for entry in self._entries if entry.offset not in gone]

    def elect_leader(self) -> None:
        """A new leader, with everything that the old one had."""
        self.leader_epoch += 1
        self._epoch_starts.append((self.leader_epoch, self.high_watermark))

    def truncate(self, offset: int) -> None:
        """Elect a leader that lacks everything from `offset` on: an unclean election."""
        kept = [entry for entry in self._entries if entry.offset < offset]
        self._entries, self.high_watermark = [], min(offset, self.high_watermark)
        self.start = min(self.start, self.high_watermark)
        self._open, self._pending, self._aborted = {}, {}, set()
        for entry in kept:
            self._replay(entry)
        self._epoch_starts = [(e, min(at, self.high_watermark)) for e, at in self._epoch_starts]
        self.elect_leader()

    def end_of_epoch(self, leader_epoch: int) -> int:
        """Where the log of this leader epoch ends, as `OffsetForLeaderEpoch` responds."""
        later = [at for epoch, at in self._epoch_starts if epoch > leader_epoch]
        return min(later, default=self.high_watermark)

    def _add(self, kind: Kind, message: Message | None, producer: int | None) -> Entry:
        entry = Entry(
            self.high_watermark, kind, message, producer, self.leader_epoch, self._serials()
        )
        self._entries.append(entry)
        self.high_watermark += 1
        return entry

    def _replay(self, entry: Entry) -> None:
        self._entries.append(entry)
        if entry.producer is None:
            return
        if entry.kind is Kind.RECORD:
            self._open.setdefault(entry.producer, entry.offset)
            self._pending.setdefault(entry.producer, []).append(entry.offset)
            return
        self._open.pop(entry.producer, None)
        offsets = self._pending.pop(entry.producer, [])
        if entry.kind is Kind.ABORT:
            self._aborted.update(offsets)
