"""What stands above the data of a text table: headings, units, and facts such as the rate."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bearing_stream.recordings.formats.cells import Notation, number, split
from bearing_stream.recordings.formats.content import Rate
from bearing_stream.recordings.formats.names import is_unit, stated_rate

_COMMENT: Final = re.compile(r"^\s*(?:#+|%+|//+|;+(?=\s)|\*+|!+|'+)\s*")


@dataclass(frozen=True, slots=True)
class Heading:
    """The names of the columns and the units in a row of their own; empty where there is none."""

    names: tuple[str, ...]
    units: tuple[str, ...]


def find_heading(
    above: Sequence[str], delimiter: str | None, width: int, notation: Notation
) -> Heading:
    """Find the names and the units of the columns in the lines above the data.

    Args:
        above: The lines, without empty ones.
        delimiter: As `cells.split`.
        width: Number of columns.
        notation: Of the numbers.
    """
    nothing = Heading(("",) * width, ("",) * width)
    lines = [line for line in above if not rates_above([line], notation)]
    names = _cells(lines[-1], delimiter, width) if lines else ()
    if not names:
        return nothing
    units = _unit_labels(lines, width)
    if len(lines) > 1 and any(names) and all(is_unit(cell) or not cell for cell in names):
        higher = _cells(lines[-2], delimiter, width)
        if any(higher):
            return Heading(higher, names)
    return Heading(names, units)


def numbers_columns(names: Sequence[str], values: Sequence[str], decimal: str) -> bool:
    """Whether a row only numbers the columns of the next one, `,0,1,2`, as pandas writes it."""
    numbers = [name.strip() for name in names if name.strip()]
    return numbers == [str(index) for index in range(len(numbers))] and any(
        decimal in value for value in values
    )


def rates_above(above: Iterable[str], notation: Notation) -> list[Rate]:
    """The sampling rates that lines above the data state: `Sampling rate: 25.6 kHz`."""
    found = []
    for line in above:
        cells = [cell for part in _fields(line) if (cell := part.strip().strip('"'))]
        if len(cells) < 2:
            continue
        value, *unit = cells[1].split(" ")
        try:
            stated = number(value, notation)
        except ValueError:
            continue
        for written in (" ".join([*unit, *cells[2:3]]), " ".join(unit), ""):
            hz = stated_rate(cells[0], stated, written)
            if hz is not None:
                found.append(Rate(hz, f"the line {line.strip()[:60]!r}"))
                break
    return found


def _fields(line: str) -> list[str]:
    """Divide a line such as `#Rate: 5`, `Rate;5` or `Rate = 5 Hz`."""
    bare = _COMMENT.sub("", line.strip())
    for mark in ";\t=:,":
        if mark in bare:
            return bare.split(mark)
    return re.split(r"\s+(?=[\d+-])", bare, maxsplit=1)


def _unit_labels(lines: Sequence[str], width: int) -> tuple[str, ...]:
    """The units that LabVIEW writes as `Y_Unit_Label`, one for each column after the time."""
    for line in lines:
        name, *units = line.split("\t")
        if name == "Y_Unit_Label":
            return ("", *units, *("",) * width)[:width]
    return ("",) * width


def _cells(line: str, delimiter: str | None, width: int) -> tuple[str, ...]:
    """The headings in a line, one for each column; empty if their number differs."""
    bare = _COMMENT.sub("", line)
    ways = [
        [cell.strip().strip("\"'").strip() for cell in cells]
        for text in dict.fromkeys((bare, line))
        for cells in _ways(text, delimiter)
    ]
    for cells in ways:
        while len(cells) > width and cells[-1].casefold() in ("", "comment"):
            cells.pop()
        if len(cells) == width:
            return tuple(cells)
    # The column of row numbers has no heading, as R writes it.
    return next((("", *cells) for cells in ways if len(cells) == width - 1 > 0), ())


def _ways(text: str, delimiter: str | None) -> Iterable[list[str]]:
    """A heading may be divided otherwise than the data: `Time (s)  Channel 1 (V)`."""
    yield split(text, delimiter)
    if delimiter is not None:
        yield re.split(r"\t+|\s{2,}", text.strip())
        for mark in ";,|\t":
            if mark != delimiter and mark in text:
                yield split(text, mark)
