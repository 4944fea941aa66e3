"""Dead letters on a terminal: a table of counts, a table of letters, and one letter whole."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bearing_stream.commands.dead_letters.letters import Letter, Place, rfc3339
from bearing_stream.commands.dead_letters.redrive import Redriven
from bearing_stream.wire import RejectionReason

SHOWN: Final = 20
"""Letters named if nobody says how many."""

WIDTH: Final = 16
"""Bytes in a line of a hexdump."""


PIPED: Final = 400
"""Columns where there is no terminal to fit into."""


def console() -> Console:
    """Of standard output."""
    found = Console()
    return found if found.is_terminal else Console(width=PIPED)


class Counts:
    """Letters by reason, and the latest of them."""

    def __init__(self, limit: int | None) -> None:
        self._letters: Counter[str] = Counter()
        self._sensors: defaultdict[str, set[str]] = defaultdict(set)
        self._first: dict[str, datetime] = {}
        self._last: dict[str, datetime] = {}
        self._limit = limit or SHOWN
        self._latest: list[tuple[datetime, Place, Letter]] = []

    def add(self, letter: Letter) -> None:
        """Count a letter."""
        reason = letter.reason
        self._letters[reason] += 1
        self._sensors[reason].add(letter.sensor)
        self._first[reason] = min(letter.time, self._first.get(reason, letter.time))
        self._last[reason] = max(letter.time, self._last.get(reason, letter.time))
        heappush(self._latest, (letter.time, letter.at, letter))
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
            first, last = rfc3339(self._first[reason]), rfc3339(self._last[reason])
            table.add_row(f"{count:,}", f"{sensors:,}", Text(printable(reason)), first, last)
        table.add_section()
        table.add_row(f"{self._letters.total():,}", "", "in all")
        return table


def show_letter(letter: Letter, preview: int, to: Console) -> None:
    """Print all of a letter: what was said of it, its headers, and the beginning of its value."""
    original = letter.original
    said = {
        "reason": letter.reason,
        "detail": letter.detail,
        "input": f"{letter.topic} {letter.partition}:{letter.offset}",
        "sensor": letter.sensor,
        "time": rfc3339(letter.time),
        "redrives": "not readable" if letter.redrives is None else str(letter.redrives),
        "key": _bytes(original.key),
    }
    for name, text in said.items():
        to.print(Text(f"{name:9} {printable(text)}"), soft_wrap=True)
    for name, raw in original.headers:
        to.print(Text(f"header    {printable(name)}: {_bytes(raw)}"), soft_wrap=True)
    if original.value is None:
        to.print("value     none (a tombstone)")
        return
    to.print(f"value     {len(original.value):,} bytes", highlight=False)
    for line in hexdump(original.value[:preview]):
        to.print(Text(line), soft_wrap=True)
    if len(original.value) > preview:
        to.print(f"… {len(original.value) - preview:,} more bytes", highlight=False)


def hexdump(value: bytes) -> Iterator[str]:
    """Lines of offset, bytes in hexadecimal and as ASCII."""
    for start in range(0, len(value), WIDTH):
        row = value[start : start + WIDTH]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{start:08x}  {row.hex(' '):{3 * WIDTH - 1}}  {text}"


def show_redriven(found: Redriven, to: Console) -> None:
    """Print what was redriven, or would be."""
    table = _table("letters", "reason")
    for reason, count in found.sent.most_common():
        table.add_row(f"{count:,}", Text(printable(reason)))
    table.add_section()
    table.add_row(f"{found.sent.total():,}", "redriven" if found.executed else "to redrive")
    others = {
        "redriven before": found.already,
        "redriven as often as --max-redrives allows": found.capped,
        "not of this windows topic": found.elsewhere,
    }
    for words, count in others.items():
        if count:
            table.add_row(f"{count:,}", f"left: {words}")
    to.print(table)
    if found.sent and not found.executed:
        to.print("Nothing was sent. With --execute they are.")


def printable(text: str) -> str:
    """Without line breaks and escape sequences: a message must not command a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _letters(letters: Iterable[Letter]) -> Table:
    table = _table("letter", "time", "reason", "sensor", "redrives", "detail")
    for letter in letters:
        redrives = "?" if letter.redrives is None else str(letter.redrives)
        words = (letter.reason, letter.sensor, redrives, letter.detail)
        cells = [Text(printable(text)) for text in words]
        table.add_row(str(letter.at), rfc3339(letter.time), *cells)
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(
            name,
            justify="right" if name in ("letters", "sensors", "redrives") else "left",
            # What is too wide for the terminal is cut; a reason is what one copies into an option.
            min_width=max(map(len, RejectionReason)) if name == "reason" else None,
            no_wrap=True,
            overflow="ellipsis",
        )
    return table


def _bytes(raw: bytes | None) -> str:
    return "none" if raw is None else printable(raw.decode(errors="backslashreplace"))
