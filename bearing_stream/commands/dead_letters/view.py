"""Formats dead letters for a terminal: counts by reason, a list of letters, and one letter."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bearing_stream.commands.dead_letters.letters import Letter
from bearing_stream.commands.dead_letters.redrive import RedriveReport
from bearing_stream.commands.terminal import OutputConsole, printable
from bearing_stream.kafka.record_id import RecordId
from bearing_stream.wire import RejectionReason, format_time

DEFAULT_LIMIT: Final = 20
"""Letters to list by default."""

WIDTH: Final = 16
"""Bytes in a line of a hexdump."""

WIDEST_SENSOR: Final = 60
"""Columns of a sensor's id, which may have 4,096 characters; `show` prints all of it."""

PIPED_WIDTH: Final = 400
"""Columns of the output if it is no terminal."""


def console() -> Console:
    """Return a console on standard output."""
    created = OutputConsole()
    return created if created.is_terminal else OutputConsole(width=PIPED_WIDTH)


class Counts:
    """The number of letters by reason, and the latest letters."""

    def __init__(self, limit: int | None) -> None:
        self._letters: Counter[str] = Counter()
        self._sensors: defaultdict[str, set[str]] = defaultdict(set)
        self._first: dict[str, datetime] = {}
        self._last: dict[str, datetime] = {}
        self._limit = limit or DEFAULT_LIMIT
        self._latest: list[tuple[datetime, RecordId, Letter]] = []

    def add(self, letter: Letter) -> None:
        """Count a letter."""
        reason = letter.reason
        self._letters[reason] += 1
        self._sensors[reason].add(letter.sensor)
        self._first[reason] = min(letter.time, self._first.get(reason, letter.time))
        self._last[reason] = max(letter.time, self._last.get(reason, letter.time))
        heappush(self._latest, (letter.time, letter.record, letter))
        if len(self._latest) > self._limit:
            heappop(self._latest)

    def show(self, to: Console) -> None:
        """Print both tables."""
        if not self._letters:
            to.print("no dead letters")
            return
        to.print(
            self._by_reason(), _letters(letter for *_, letter in sorted(self._latest)), sep="\n"
        )

    def _by_reason(self) -> Table:
        table = _table("letters", "sensors", "reason", "first", "last")
        for reason, count in self._letters.most_common():
            sensors = len(self._sensors[reason])
            first, last = format_time(self._first[reason]), format_time(self._last[reason])
            table.add_row(f"{count:,}", f"{sensors:,}", Text(printable(reason)), first, last)
        table.add_section()
        table.add_row(f"{self._letters.total():,}", "", "in all")
        return table


def show_letter(letter: Letter, preview: int, to: Console) -> None:
    """Print a letter: its reason, its headers, and the beginning of its value."""
    original = letter.original
    fields = {
        "reason": letter.reason,
        "detail": letter.detail,
        "input": f"{letter.topic} {letter.partition}:{letter.offset}",
        "sensor": letter.sensor,
        "time": format_time(letter.time),
        "redrives": "not a number" if letter.redrives is None else str(letter.redrives),
        "key": _bytes(original.key),
    }
    for name, text in fields.items():
        to.print(Text(f"{name:9} {printable(text)}"), soft_wrap=True)
    for name, raw in original.headers:
        to.print(Text(f"header    {printable(name)}: {_bytes(raw)}"), soft_wrap=True)
    if letter.stub is not None:
        to.print(_stub(letter), highlight=False, soft_wrap=True)
        return
    if original.value is None:
        to.print("value     none (a tombstone)")
        return
    to.print(f"value     {len(original.value):,} bytes", highlight=False)
    for line in hexdump(original.value[:preview]):
        to.print(Text(line), soft_wrap=True)
    if len(original.value) > preview:
        to.print(f"… {len(original.value) - preview:,} more bytes", highlight=False)


def hexdump(value: bytes) -> Iterator[str]:
    """Yield lines with the offset, the bytes in hexadecimal, and the bytes as ASCII."""
    for start in range(0, len(value), WIDTH):
        row = value[start : start + WIDTH]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{start:08x}  {row.hex(' '):{3 * WIDTH - 1}}  {text}"


def show_report(report: RedriveReport, to: Console) -> None:
    """Print how many letters were redriven or would be, and how many were skipped and why."""
    table = _table("letters", "reason")
    for reason, count in report.sent.most_common():
        table.add_row(f"{count:,}", Text(printable(reason)))
    table.add_section()
    table.add_row(f"{report.sent.total():,}", "redriven" if report.executed else "to redrive")
    others = {
        "redriven before": report.already,
        "redriven as often as --max-redrives allows": report.capped,
        "not of this windows topic": report.elsewhere,
        "the letter does not hold its original, see `show`": report.stubs,
    }
    for words, count in others.items():
        if count:
            table.add_row(f"{count:,}", f"skipped: {words}")
    to.print(table)
    if report.sent and not report.executed:
        to.print("Nothing was sent. Use --execute to send them.")


def _letters(letters: Iterable[Letter]) -> Table:
    table = _table("letter", "time", "reason", "sensor", "redrives", "detail")
    for letter in letters:
        redrives = "?" if letter.redrives is None else str(letter.redrives)
        words = (letter.reason, letter.sensor, redrives, letter.detail)
        cells = [Text(printable(text)) for text in words]
        table.add_row(str(letter.record), format_time(letter.time), *cells)
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(
            name,
            justify="right" if name in ("letters", "sensors", "redrives") else "left",
            # Wide cells are cut, except the reason, which users copy into an option.
            min_width=max(map(len, RejectionReason)) if name == "reason" else None,
            # One long id would leave no space for the details of all.
            max_width=WIDEST_SENSOR if name == "sensor" else None,
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def _stub(letter: Letter) -> Text:
    assert letter.stub is not None
    length = "none" if letter.length is None else f"{letter.length:,} bytes"
    return Text(
        f"value     {length}, not in this letter; SHA-256 {printable(letter.stub.sha256)}; the "
        "input is the place of the original"
    )


def _bytes(raw: bytes | None) -> str:
    return "none" if raw is None else printable(raw.decode(errors="backslashreplace"))
