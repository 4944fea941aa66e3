"""Read columns of numbers from the lines of a text table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.cells import Notation, kind_of, plain_number, split
from bearing_stream.recordings.formats.dialect import Layout
from bearing_stream.recordings.formats.layout import find_layout
from bearing_stream.recordings.formats.text import TextFile

_FOOTER: Final = 50
"""Most lines after the data that are left out."""

_PASSES: Final = 5
"""Times to read the file: each finds one thing that the head did not show."""

_REPEATED: Final = 100
"""Times that a line counts against the head when both decide how numbers are written."""

_MARKS: Final = ("#", "%", "//")
"""Beginnings of a comment."""


class _BadLineError(Exception):
    """A line that is no row of the table."""


@dataclass(slots=True)
class _Pass:
    """What is known about the file when it is read once more."""

    layout: Layout
    missing: bool = False
    comments: bool = False
    end: int | None = None
    warnings: list[str] = field(default_factory=list)


def read_columns(
    text: TextFile,
    layout: Layout,
    columns: Sequence[int],
    converters: Mapping[int, Callable[[str], float]],
    decimal: str | None,
) -> tuple[NDArray[np.float64], list[str]]:
    """Read columns of numbers; nothing else of the file is kept in memory.

    Args:
        text: The file.
        layout: Its layout, as its head shows it.
        columns: Which ones.
        converters: For columns of times: from a cell to a number.
        decimal: The decimal mark, if the caller knows it.

    Returns:
        Shape (rows, columns), NaN where a value is missing, and warnings.

    Raises:
        RecordingError: A line does not fit the others.
    """
    state = _Pass(layout)
    for _ in range(_PASSES):
        lines = _Lines(text, state)
        try:
            return _parsed(lines, state, columns, converters), state.warnings
        except (ValueError, _BadLineError):
            _learn(text, state, lines, columns, decimal)
    raise RecordingError(f"{text.path}: its lines differ too much; save the samples as CSV")


def _parsed(
    lines: "_Lines",
    state: _Pass,
    columns: Sequence[int],
    converters: Mapping[int, Callable[[str], float]],
) -> NDArray[np.float64]:
    layout = state.layout
    given: dict[int | str, Callable[[str], Any]] = {}
    for column in columns:
        if column in converters:
            given[column] = converters[column]
        elif state.missing:
            given[column] = plain_number
    delimiter = None if layout.delimiter in (None, " ") else layout.delimiter
    if _in_quotes(layout):
        delimiter = "\t"
    values: NDArray[np.float64] = np.loadtxt(
        lines.rows(),
        delimiter=delimiter,
        usecols=list(columns),
        comments=None,
        quotechar='"',
        ndmin=2,
        converters=given or None,
        encoding=None,
    )
    return values


def _in_quotes(layout: Layout) -> bool:
    """Whether cells in quotes hold commas, and commas stand between the cells."""
    notation = layout.notation
    return layout.delimiter == "," and "," in (notation.decimal, notation.thousands)


class _Lines:
    """Yields the rows of a table in Python's notation, and checks that they are alike."""

    def __init__(self, text: TextFile, state: _Pass) -> None:
        self._text = text
        self._state = state
        self._blank = False
        self.number = 0
        self.line = ""

    def rows(self) -> Iterator[str]:
        """Yield rows; raises _BadLineError at one that has another number of cells."""
        layout = self._state.layout
        plain = layout.notation.plain
        point = layout.notation == Notation()
        counted = layout.delimiter if layout.delimiter not in (None, " ") else None
        between = layout.width - 1
        in_quotes = _in_quotes(layout)
        lines = islice(self._text.lines(), layout.first, self._state.end)
        for number_of_line, line in enumerate(lines, layout.first + 1):
            self.number, self.line = number_of_line, line
            usual = counted is not None and line.count(counted) == between and not self._blank
            if not usual and not self._is_row(line):
                continue
            if in_quotes:
                line = "\t".join(split(line.rstrip("\n"), ","))
            yield line if point and line.isascii() else plain(line)

    def _is_row(self, line: str) -> bool:
        """Whether to read a line: no comment, and no empty line that nothing follows."""
        layout = self._state.layout
        if not line.strip():
            self._blank = not layout.spaced
            return False
        if self._blank:
            self.number, self.line = self.number - 1, ""
            raise _BadLineError
        if self._state.comments and line.lstrip().startswith(_MARKS):
            return False
        if layout.delimiter is None:
            return True
        if len(split(line.rstrip("\n"), layout.delimiter)) != layout.width:
            raise _BadLineError
        return True


def _learn(
    text: TextFile,
    state: _Pass,
    lines: _Lines,
    columns: Sequence[int],
    decimal: str | None,
) -> None:
    """Find out why a line could not be read, so that the next pass reads the file.

    Raises:
        RecordingError: The line is wrong.
    """
    layout, line = state.layout, lines.line.rstrip("\n")
    if line.lstrip().startswith(_MARKS) and not state.comments:
        state.comments = True
        state.warnings.append(f"comments among the data are left out, first in line {lines.number}")
        return
    cells = split(line, layout.delimiter)
    kinds = [kind_of(cell, layout.notation) for cell in cells]
    alike = bool(line.strip()) and len(cells) == layout.width
    if alike and not state.missing and any(kinds[column] == "missing" for column in columns):
        state.missing = True
        return
    if alike and (notation := _other_notation(text, layout, line, decimal)) is not None:
        state.layout = notation
        return
    if _ends_here(text, layout, lines.number):
        state.end = lines.number - 1
        state.warnings.append(
            f"the last lines are no data and are left out, from line {lines.number} on: "
            f"{line[:40]!r}"
        )
        return
    raise RecordingError(f"{text.path}, line {lines.number}: {_problem(state, lines, columns)}")


def _other_notation(
    text: TextFile, layout: Layout, line: str, decimal: str | None
) -> Layout | None:
    """Another layout, if this line shows that numbers are written in another notation."""
    head = text.head()
    # A wide table has few lines in its head.
    sample = [*head, *[line] * min(_REPEATED, len(head))]
    try:
        other = find_layout(sample, text.path, decimal)
    except RecordingError:
        return None
    same = (other.delimiter, other.width, other.first) == (
        layout.delimiter,
        layout.width,
        layout.first,
    )
    return other if same and other.notation != layout.notation else None


def _ends_here(text: TextFile, layout: Layout, number_of_line: int) -> bool:
    """Whether nothing but a few lines that are no data follows."""
    rest = list(islice(text.lines(), number_of_line - 1, number_of_line + _FOOTER))
    if len(rest) > _FOOTER:
        return False
    return not any(layout.fits(line.rstrip("\n")) for line in rest)


def _problem(state: _Pass, lines: _Lines, columns: Sequence[int]) -> str:
    layout, line = state.layout, lines.line.rstrip("\n")
    if not line.strip():
        return "empty; skipping it would shift the samples after it"
    cells = split(line, layout.delimiter)
    if len(cells) != layout.width:
        return (
            f"expected {layout.width} columns like the lines before, got {len(cells)}: "
            f"{line[:60]!r}"
        )
    for column in columns:
        if kind_of(cells[column], layout.notation) not in ("number", "missing"):
            name = f" {layout.names[column]!r}" if layout.names[column] else ""
            return f"column {column}{name}: expected a number, got {cells[column].strip()[:40]!r}"
    return f"not a row like the lines before: {line[:60]!r}"
