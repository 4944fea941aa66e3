"""The ledger of a check: which window has which result. It holds offsets and hashes only.

A window takes 29 bytes: 64 bits each of its identity, its content and its value, 32 of the id of
its diagnosis, and a byte for the kinds of its results. They are in arrays indexed by offset. In
addition, there is an entry for each sensor and partition, and one for each window that has error
headers already.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Final

import numpy as np

from bearing_stream.commands.verify.report import (
    OUT_OF_SCOPE,
    Guarantee,
    Offender,
    Report,
    ResultKind,
)
from bearing_stream.kafka import Span, Spans
from bearing_stream.kafka.record_id import RecordId

DIAGNOSED: Final = 1
DEAD: Final = 2

ID_BITS: Final = 0xFFFF_FFFF

COUNTED: Final = (
    *("windows", "diagnosed", "dead_letters"),
    *("duplicated", "relabelled", "out_of_order", "both", "unknown", "altered"),
)
"""Fields of a `Report` that are counted while records are added."""


class _Partition:
    """The windows of a partition: row `i` is the offset `start + i`."""

    __slots__ = ("contents", "events", "identities", "results", "start", "topic_span", "values")

    def __init__(self, span: Span) -> None:
        rows = max(span.end - span.start, 0)
        self.start = span.start
        self.identities = np.zeros(rows, np.int64)
        self.contents = np.zeros(rows, np.int64)
        """0 where there is no window: a transaction marker, or an aborted message."""
        self.values = np.zeros(rows, np.int64)
        self.events = np.zeros(rows, np.uint32)
        self.results = np.zeros(rows, np.uint8)
        self.topic_span = span
        """What the partition holds now; retention may have deleted a part of the range."""


class Ledger:
    """Accounts for each window of a range. Add all windows first, then their results.

    Identities, contents and values are 64-bit signed integers, and equal ones are taken as the
    same: an identity stands for the source, id and sensor of a window, a content for all that a
    dead letter must keep, a value for what a stub states. None may be 0, except the identity of a
    message that has none.
    """

    def __init__(self, spans: Spans, samples: int = 10) -> None:
        """Create a ledger without windows.

        Args:
            spans: The range, by partition of the windows topic.
            samples: Offenders to remember, of each kind of violation.
        """
        self._partitions = {number: _Partition(span) for number, span in spans.items()}
        self.spans = spans
        """The range."""
        self._max_samples = samples
        self._with_error_headers: defaultdict[int, list[RecordId]] = defaultdict(list)
        self._latest: dict[Hashable, int] = {}
        self._counts: Counter[str] = Counter()
        self._samples: defaultdict[str, list[Offender]] = defaultdict(list)

    @property
    def pending(self) -> int:
        """Windows without a result so far."""
        return self._counts["windows"] - self._counts["windows_with_result"]

    def add_window(
        self,
        record: RecordId,
        identity: int,
        content: int,
        value: int,
        *,
        has_error_headers: bool = False,
    ) -> None:
        """Add a window.

        Args:
            record: Its position, within the range.
            identity: Of its source, id and sensor; 0 unless it has exactly one of each.
            content: Of its key, value, headers and timestamp.
            value: Of the length and SHA-256 of its value.
            has_error_headers: It was a dead letter before, so that its own dead letter may claim
                the position that these headers name.
        """
        partition = self._partitions[record.partition]
        row = record.offset - partition.start
        partition.identities[row] = identity
        partition.contents[row] = content
        partition.values[row] = value
        self._counts["windows"] += 1
        if has_error_headers:
            self._with_error_headers[content].append(record)

    def set_topic_spans(self, spans: Spans) -> None:
        """Set what the windows topic holds now.

        Call it before adding results that were committed by then, so that a result of a window
        which arrived after the range is recognised.
        """
        for number, span in spans.items():
            empty = _Partition(Span(span.start, span.start))
            self._partitions.setdefault(number, empty).topic_span = span

    def add_out_of_scope(self, reason: str) -> None:
        """Count a result that this check does not judge, by a name in `OUT_OF_SCOPE`."""
        self._counts[reason] += 1

    def add_diagnosis(
        self, record: RecordId, window: RecordId, identity: int, event: int, sensor: Hashable
    ) -> None:
        """Add a diagnosis.

        Args:
            record: Its position in its topic.
            window: The window that it claims.
            identity: Of the source, id and sensor that it names.
            event: Of its own id; the same for every diagnosis of the window by the same model.
            sensor: Diagnoses of a sensor must keep the order of their windows.
        """
        offender = Offender(window, "diagnosis", record)
        row = self._row(window, offender)
        if row is None:
            return
        partition = self._partitions[window.partition]
        if not identity or partition.identities[row] != identity:
            self._add_violation("unknown", offender)
            return
        if self._add_result(partition, row, DIAGNOSED, offender):
            if partition.events[row] != event & ID_BITS:
                self._add_violation("relabelled", offender)
            return
        partition.events[row] = event & ID_BITS
        sequence = (sensor, window.partition, record.partition)
        if window.offset < self._latest.get(sequence, -1):
            self._add_violation("out_of_order", offender)
        else:
            self._latest[sequence] = window.offset

    def add_dead_letter(
        self,
        record: RecordId,
        window: RecordId,
        contents: Sequence[int],
        stubbed_value: int | None = None,
    ) -> None:
        """Add a dead letter.

        Args:
            record: Its position in its topic.
            window: The original that it claims.
            contents: Of the original that it holds, for each number of the letter's headers that
                the original may have had already.
            stubbed_value: What a stub states of the original's value; None if it is no stub.
        """
        window = self._original_with_error_headers(contents) or window
        offender = Offender(window, "dead letter", record)
        row = self._row(window, offender)
        if row is None:
            return
        partition = self._partitions[window.partition]
        self._add_result(partition, row, DEAD, offender)
        kept = partition.contents[row] in contents
        if not kept and (stubbed_value is None or partition.values[row] != stubbed_value):
            self._add_violation("altered", offender)

    def add_unreadable(self, kind: ResultKind, record: RecordId) -> None:
        """Add a result that does not name its window."""
        self._add_violation("unknown", Offender(None, kind, record))

    def report(
        self,
        guarantee: Guarantee = "exactly-once",
        deleted_results: int = 0,
        seconds: float = 0.0,
        held_back: dict[str, dict[int, int]] | None = None,
        groups: Iterable[str] = (),
    ) -> Report:
        """Return the counts so far; the arguments are the fields that the ledger cannot know."""
        samples = dict(self._samples)
        if self.pending and self._max_samples:
            samples["lost"] = self._lost()
        return Report(
            **{name: self._counts[name] for name in (*COUNTED, *OUT_OF_SCOPE)},
            lost=self.pending,
            deleted_results=deleted_results,
            seconds=seconds,
            guarantee=guarantee,
            spans={partition: (span.start, span.end) for partition, span in self.spans.items()},
            samples=samples,
            held_back=held_back or {},
            groups=tuple(sorted(groups)),
        )

    def _row(self, window: RecordId, offender: Offender) -> int | None:
        """Return the row of the window that a result claims; count the result if there is none."""
        partition = self._partitions.get(window.partition)
        if partition is None:
            self._add_violation("unknown", offender)
            return None
        row = window.offset - partition.start
        if 0 <= row < partition.contents.size and partition.contents[row]:
            return row
        topic_span = partition.topic_span
        if window.offset < max(partition.start, topic_span.start):
            self.add_out_of_scope("before")
        elif partition.start + partition.contents.size <= window.offset < topic_span.end:
            self.add_out_of_scope("after")
        else:
            self._add_violation("unknown", offender)
        return None

    def _add_result(self, partition: _Partition, row: int, kind: int, offender: Offender) -> bool:
        """Add a result to a window; return whether the window had one of this kind."""
        before = int(partition.results[row])
        if before & kind:
            self._add_violation("duplicated", offender)
            return True
        partition.results[row] = before | kind
        self._counts["diagnosed" if kind == DIAGNOSED else "dead_letters"] += 1
        if before:
            self._add_violation("both", offender)
        else:
            self._counts["windows_with_result"] += 1
        return False

    def _original_with_error_headers(self, contents: Sequence[int]) -> RecordId | None:
        """Return the original of a dead letter, if that had error headers and has no result yet.

        Headers that a message has are not overwritten, so its dead letter claims the position of
        another message. Dead letters that could belong to several such windows are all alike, so
        any choice among those windows is right.
        """
        for content in reversed(contents):
            for record in self._with_error_headers.get(content, ()):
                partition = self._partitions[record.partition]
                if not partition.results[record.offset - partition.start]:
                    return record
        return None

    def _add_violation(self, name: str, offender: Offender) -> None:
        self._counts[name] += 1
        if len(self._samples[name]) < self._max_samples:
            self._samples[name].append(offender)

    def _lost(self) -> list[Offender]:
        lost: list[Offender] = []
        for number, partition in sorted(self._partitions.items()):
            rows = np.flatnonzero((partition.contents != 0) & (partition.results == 0))
            offsets = (rows[: self._max_samples - len(lost)] + partition.start).tolist()
            lost += [Offender(RecordId(number, offset)) for offset in offsets]
        return lost
