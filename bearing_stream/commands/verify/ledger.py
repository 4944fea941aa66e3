"""The books of a check: which window has which answer. Knows no Kafka, only places and hashes.

A window takes 21 bytes: 64 bits of its identity, 64 of its content, 32 of its diagnosis' id, and a
byte that says how it was answered. They lie in arrays indexed by offset. Besides, there is an entry
for each sensor and partition, and one for each window that carries error headers already.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import Final, Literal

import numpy as np

from bearing_stream.commands.verify.report import ASIDE, Guarantee, Offender, Place, Report
from bearing_stream.kafka import Span, Spans

DIAGNOSED: Final = 1
DEAD: Final = 2

ID_BITS: Final = 0xFFFF_FFFF

COUNTED: Final = (
    *("windows", "diagnosed", "dead_letters"),
    *("duplicated", "relabelled", "out_of_order", "both", "unknown", "altered"),
)
"""Fields of a `Report` that are counted as they happen."""


class _Book:
    """A partition: row `i` is the offset `start + i`."""

    __slots__ = ("answered", "contents", "events", "identities", "known", "start")

    def __init__(self, span: Span) -> None:
        rows = max(span.end - span.start, 0)
        self.start = span.start
        self.identities = np.zeros(rows, np.int64)
        self.contents = np.zeros(rows, np.int64)
        """0 where there is no window: a transaction's marker, or an aborted message."""
        self.events = np.zeros(rows, np.uint32)
        self.answered = np.zeros(rows, np.uint8)
        self.known = span
        """What the partition holds now. Of the range, retention may have taken some meanwhile."""


class Ledger:
    """Accounts for each window of a range. First come all windows, then their answers.

    Identities and contents are 64-bit signed integers, and two that are equal are taken as the
    same: an identity tells the source, id and sensor of a window, a content all that must be kept
    in a dead letter. Neither may be 0, except the identity of a message that has none.
    """

    def __init__(self, spans: Spans, samples: int = 10) -> None:
        """Open the books.

        Args:
            spans: The range, by partition of the windows topic.
            samples: Offenders to remember, of each kind.
        """
        self._books = {partition: _Book(span) for partition, span in spans.items()}
        self.spans = spans
        """The range."""
        self._most = samples
        self._marked: defaultdict[int, list[Place]] = defaultdict(list)
        self._latest: dict[Hashable, int] = {}
        self._counts: Counter[str] = Counter()
        self._samples: defaultdict[str, list[Offender]] = defaultdict(list)

    @property
    def unanswered(self) -> int:
        """Windows without an answer so far."""
        return self._counts["windows"] - self._counts["answered"]

    def window(self, at: Place, identity: int, content: int, *, marked: bool = False) -> None:
        """Enter a window.

        Args:
            at: Where it stands, within the range.
            identity: Of its source, id and sensor; 0 if it has not one of each.
            content: Of its key, value, headers and timestamp.
            marked: It has error headers already, so that its dead letter may claim the place that
                they name.
        """
        book = self._books[at.partition]
        row = at.offset - book.start
        book.identities[row] = identity
        book.contents[row] = content
        self._counts["windows"] += 1
        if marked:
            self._marked[content].append(at)

    def exists(self, spans: Spans) -> None:
        """Note what the windows topic holds now, before answers are read that were given by now."""
        for partition, span in spans.items():
            book = self._books.setdefault(partition, _Book(Span(span.start, span.start)))
            book.known = span

    def set_aside(self, reason: str) -> None:
        """Count an answer that is no business of this check, by a name in `ASIDE`."""
        self._counts[reason] += 1

    def diagnosis(
        self, at: Place, claim: Place, identity: int, event: int, sensor: Hashable
    ) -> None:
        """Enter a diagnosis.

        Args:
            at: Where it stands in its topic.
            claim: Where it says that its window stands.
            identity: Of the source, id and sensor that it names.
            event: Of its own id; the same for every diagnosis of the window by the same model.
            sensor: Whose diagnoses keep the order of their windows.
        """
        offender = Offender(claim, "diagnosis", at)
        row = self._row(claim, offender)
        if row is None:
            return
        book = self._books[claim.partition]
        if not identity or book.identities[row] != identity:
            self._note("unknown", offender)
            return
        if self._answer(book, row, DIAGNOSED, offender):
            if book.events[row] != event & ID_BITS:
                self._note("relabelled", offender)
            return
        book.events[row] = event & ID_BITS
        line = (sensor, claim.partition, at.partition)
        if claim.offset < self._latest.get(line, -1):
            self._note("out_of_order", offender)
        else:
            self._latest[line] = claim.offset

    def dead_letter(self, at: Place, claim: Place, contents: Sequence[int]) -> None:
        """Enter a dead letter.

        Args:
            at: Where it stands in its topic.
            claim: Where it says that the original stood.
            contents: Of the original that it holds: first if that had no error header, then for
                each number of them that it may have had already.
        """
        claim = self._marked_original(contents) or claim
        offender = Offender(claim, "dead letter", at)
        row = self._row(claim, offender)
        if row is None:
            return
        book = self._books[claim.partition]
        self._answer(book, row, DEAD, offender)
        if book.contents[row] not in contents:
            self._note("altered", offender)

    def unreadable(self, kind: Literal["diagnosis", "dead letter"], at: Place) -> None:
        """Enter an answer that does not say to what."""
        self._note("unknown", Offender(None, kind, at))

    def report(
        self,
        guarantee: Guarantee = "exactly-once",
        deleted_answers: int = 0,
        seconds: float = 0.0,
        held_back: dict[str, dict[int, int]] | None = None,
    ) -> Report:
        """What the books say now; the arguments are what they do not know of a `Report`."""
        samples = dict(self._samples)
        if self.unanswered and self._most:
            samples["lost"] = self._lost()
        return Report(
            **{name: self._counts[name] for name in (*COUNTED, *ASIDE)},
            lost=self.unanswered,
            deleted_answers=deleted_answers,
            seconds=seconds,
            guarantee=guarantee,
            spans={partition: (span.start, span.end) for partition, span in self.spans.items()},
            samples=samples,
            held_back=held_back or {},
        )

    def _row(self, claim: Place, offender: Offender) -> int | None:
        """The row of the window that an answer claims; counts the answer if there is none."""
        book = self._books.get(claim.partition)
        if book is None:
            self._note("unknown", offender)
            return None
        row = claim.offset - book.start
        if 0 <= row < book.contents.size and book.contents[row]:
            return row
        if claim.offset < max(book.start, book.known.start):
            self.set_aside("before")
        elif book.start + book.contents.size <= claim.offset < book.known.end:
            self.set_aside("after")
        else:
            self._note("unknown", offender)
        return None

    def _answer(self, book: _Book, row: int, kind: int, offender: Offender) -> bool:
        """Mark a window as answered; whether it had been in the same way."""
        before = int(book.answered[row])
        if before & kind:
            self._note("duplicated", offender)
            return True
        book.answered[row] = before | kind
        self._counts["diagnosed" if kind == DIAGNOSED else "dead_letters"] += 1
        if before:
            self._note("both", offender)
        else:
            self._counts["answered"] += 1
        return False

    def _marked_original(self, contents: Sequence[int]) -> Place | None:
        """The window of a dead letter, if it had error headers before; one unanswered first.

        Headers that a message has are not overwritten, so its dead letter claims another's place.
        Letters that could be of several such windows are all alike, so any choice is right.
        """
        for content in reversed(contents[1:]):
            for place in self._marked.get(content, ()):
                book = self._books[place.partition]
                if not book.answered[place.offset - book.start]:
                    return place
        return None

    def _note(self, wrong: str, offender: Offender) -> None:
        self._counts[wrong] += 1
        if len(self._samples[wrong]) < self._most:
            self._samples[wrong].append(offender)

    def _lost(self) -> list[Offender]:
        found: list[Offender] = []
        for partition, book in sorted(self._books.items()):
            rows = np.flatnonzero((book.contents != 0) & (book.answered == 0))
            offsets = (rows[: self._most - len(found)] + book.start).tolist()
            found += [Offender(Place(partition, offset)) for offset in offsets]
        return found
