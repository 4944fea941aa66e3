"""Find how a text table is written: delimiter, notation of numbers, heading and units."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.cells import (
    NOTATIONS,
    Kind,
    Notation,
    is_whole_groups,
    kind_of,
    split,
)
from bearing_stream.recordings.formats.commas import use_of_comma
from bearing_stream.recordings.formats.dialect import Layout, fits
from bearing_stream.recordings.formats.heading import Heading, find_heading, numbers_columns

_TAIL: Final = 300
"""Lines at the end of the head that decide the layout: there the data are, not the heading."""

_FOLLOWING: Final = 4
"""Rows of data that must follow the first one."""

_LEAST_SHARE: Final = 0.5
"""Share of the rows that must be alike."""

_FACTS: Final = 64
"""A column with fewer cells, in less than half of the rows, is no signal."""

_SEPARATOR_LINE: Final = re.compile(r'"?sep=(?P<mark>.|\\t)"?\s*', re.IGNORECASE)

_MARKUP: Final = re.compile(r"\s*(?:\{|<[?!a-zA-Z]|\[\s*[\[{\"\d.+-])")
"""The beginning of a file in JSON or XML; a section such as `[Data]` is neither."""


def find_layout(lines: Sequence[str], path: Path, decimal: str | None = None) -> Layout:
    """Find the layout of a table from its first lines, without their ends.

    Args:
        lines: The head of the file; lines of data make up its end.
        path: The file, for the message.
        decimal: The decimal mark, if the caller knows it.

    Raises:
        RecordingError: No text, no columns of numbers, or a comma that may be either mark.
    """
    written = [line for line in lines if line.strip()]
    if not written:
        raise RecordingError(f"{path}: the file is empty")
    if _MARKUP.match("\n".join(lines[:3])):
        raise RecordingError(f"{path}: JSON or XML; save the samples as CSV")
    given = _given_delimiter(lines)
    tail = written[-_TAIL:]
    best: _Candidate | None = None
    for delimiter in [given] if given else _delimiters(tail, decimal):
        candidate = _candidate(tail, delimiter, decimal)
        if best is None or candidate.score > best.score:
            best = candidate
    if best is None or best.numbers == 0 or best.share < _LEAST_SHARE:
        raise RecordingError(
            f"{path}: expected columns of numbers, got {_shown(tail)}; save the samples as CSV"
        )
    if given is None and best.delimiter in (",", " "):
        best = _or_single(best, tail, lines, decimal)
    if decimal is None and best.delimiter == "," and best.notation.decimal == ".":
        best = _comma_decided(best, tail, lines, path)
    first = _first_row(lines, best)
    return _with_heading(best, lines, first)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A delimiter and a notation, and how much of the lines they explain."""

    delimiter: str | None
    notation: Notation
    kinds: tuple[Kind, ...]
    numbers: int
    share: float

    @property
    def width(self) -> int:
        """Cells of a row."""
        return len(self.kinds)

    @property
    def score(self) -> tuple[bool, float, int]:
        """Most rows alike first, then the most columns of numbers."""
        return (self.numbers > 0, round(self.share, 1), self.numbers)


def _given_delimiter(lines: Sequence[str]) -> str | None:
    for line in lines[:3]:
        if match := _SEPARATOR_LINE.fullmatch(line.strip("\ufeff")):
            return match["mark"].replace("\\t", "\t")
    return None


def _delimiters(tail: Sequence[str], decimal: str | None) -> Iterable[str | None]:
    """The delimiters that may be meant: a tab, semicolon or bar is in no number."""
    certain = [mark for mark in "\t;|" if sum(mark in line for line in tail) > 0.5 * len(tail)]
    if certain:
        return certain
    found: list[str | None] = [None]
    if any(re.search(r"\S[ \t]+\S", line) for line in tail):
        found.append(" ")
    quoted = any('"' in line for line in tail)
    if any("," in line for line in tail) and (decimal != "," or quoted):
        found.append(",")
    return found


def _candidate(tail: Sequence[str], delimiter: str | None, decimal: str | None) -> _Candidate:
    rows = [split(line, delimiter) for line in tail]
    width, _ = Counter(map(len, rows)).most_common(1)[0]
    alike = [row for row in rows if len(row) == width]
    notations = [n for n in NOTATIONS if decimal in (None, n.decimal)]
    best: tuple[int, Notation, tuple[Kind, ...], int] | None = None
    for notation in notations:
        kinds = [tuple(kind_of(cell, notation) for cell in row) for row in alike]
        common = _common(kinds)
        count = sum(fits(row, common) for row in kinds) * sum(k == "number" for k in common)
        fitting = sum(fits(row, common) for row in kinds)
        if best is None or count > best[0]:
            best = count, notation, common, fitting
    assert best is not None
    _, notation, common, fitting = best
    if notation == Notation(",", "") and _are_thousands(alike, common):
        notation = Notation(".", ",")
    numbers = sum(kind == "number" for kind in common)
    return _Candidate(delimiter, notation, common, numbers, fitting / max(len(rows), 1))


def _common(kinds: Sequence[Sequence[Kind]]) -> tuple[Kind, ...]:
    """The usual kind of each column; `missing` only where nothing else is."""
    common: list[Kind] = []
    for column in zip(*kinds, strict=True):
        counts = Counter(kind for kind in column if kind != "missing")
        common.append(counts.most_common(1)[0][0] if counts else "missing")
    return tuple(common)


def _are_thousands(rows: Sequence[Sequence[str]], common: Sequence[Kind]) -> bool:
    """Whether commas in whole numbers stand between thousands and not before decimals.

    `1,234` may be either. All such numbers are groups of three digits, and smaller ones have no
    comma; decimals have one in small numbers too.
    """
    cells = [c for row in rows for c, kind in zip(row, common, strict=True) if kind == "number"]
    commas = [cell for cell in cells if "," in cell]
    small = [cell for cell in cells if "," not in cell and len(cell.strip(" +-")) <= 3]
    return bool(commas and small) and all(map(is_whole_groups, commas))


def _or_single(
    best: _Candidate, tail: Sequence[str], lines: Sequence[str], decimal: str | None
) -> _Candidate:
    """Read `1,234.5` or `1 234,5` under one name as one number."""
    single = _candidate(tail, None, decimal)
    above = _above(lines, best)
    one_name = bool(above) and len(split(above[-1], best.delimiter)) == 1
    thousands = single.notation.thousands and single.share >= best.share
    return single if one_name and thousands else best


def _above(lines: Sequence[str], best: _Candidate) -> list[str]:
    """The lines above the data, without empty ones."""
    return [line for line in lines[: _first_row(lines, best)] if line.strip()]


def _comma_decided(
    best: _Candidate, tail: Sequence[str], lines: Sequence[str], path: Path
) -> _Candidate:
    """Keep the comma as the delimiter, or read one column with decimal commas."""
    rows = [row for line in tail if len(row := split(line, ",")) == best.width]
    above = _above(lines, best)
    quoted = any('"' in line for line in tail)
    use = "delimiter" if quoted else use_of_comma(rows, above[-1] if above else "")
    if use == "unclear":
        raise RecordingError(
            f"{path}: a comma is both between the columns and before the decimals, or only one of "
            f"these: {_shown(tail)}; give --decimal '.' or ',', or save it with semicolons"
        )
    return best if use == "delimiter" else _candidate(tail, None, ",")


def _first_row(lines: Sequence[str], best: _Candidate) -> int:
    """The index of the first line of data: a row of the usual kinds that others follow."""
    kinds = [[kind_of(c, best.notation) for c in split(line, best.delimiter)] for line in lines]
    filled = [index for index, line in enumerate(lines) if line.strip()]
    fitting = [index for index in filled if fits(kinds[index], best.kinds)]
    found = set(fitting)
    follows = {i for i in filled if i in found or set(kinds[i]) == {"missing"}}
    for place, index in enumerate(filled[:-_FOLLOWING]):
        following = filled[place + 1 : place + 1 + _FOLLOWING]
        if index in found and all(other in follows for other in following):
            return index + _is_numbered_heading(lines, best, filled[place : place + 2])
    return fitting[0]


def _is_numbered_heading(lines: Sequence[str], best: _Candidate, rows: Sequence[int]) -> bool:
    if len(rows) < 2:
        return False
    names, values = (split(lines[row], best.delimiter) for row in rows)
    return numbers_columns(names, values, best.notation.decimal)


def _with_heading(best: _Candidate, lines: Sequence[str], first: int) -> Layout:
    above = [line for line in lines[:first] if line.strip() and not _SEPARATOR_LINE.fullmatch(line)]
    kinds = _kinds(lines[first:], best)
    heading = find_heading(above, best.delimiter, len(kinds), best.notation)
    if kinds[-1] == "missing" and len(kinds) > 1:
        # The rows end in a delimiter; the heading may not.
        short = find_heading(above, best.delimiter, len(kinds) - 1, best.notation)
        if any(short.names):
            heading = Heading((*short.names, ""), (*short.units, ""))
    blank = sum(not line.strip() for line in lines[first:])
    return Layout(
        delimiter=best.delimiter,
        notation=best.notation,
        kinds=kinds,
        names=heading.names,
        units=heading.units,
        first=first,
        above=tuple(above),
        spaced=blank > 0.4 * len(lines[first:]) and len(lines[first:]) > 4,
    )


def _kinds(lines: Sequence[str], best: _Candidate) -> tuple[Kind, ...]:
    """The kinds of the columns in all rows, since a short column is empty in the last ones.

    A column with a few cells in the first rows holds facts about the file, as an oscilloscope
    writes them.
    """
    rows = [[kind_of(c, best.notation) for c in split(line, best.delimiter)] for line in lines]
    rows = [row for row in rows if fits(row, best.kinds)]
    filled = [sum(kind != "missing" for kind in column) for column in zip(*rows, strict=True)]
    few = min(_FACTS, len(rows) / 2)
    kinds = zip(_common(rows), filled, strict=True)
    return tuple(kind if count >= few else "missing" for kind, count in kinds)


def _shown(lines: Sequence[str]) -> str:
    text = next((line for line in reversed(lines) if line.strip()), "")
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
