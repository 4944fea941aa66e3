"""What the cells of a text table are: numbers in some notation, times, missing values or text."""

import csv
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final, Literal

import numpy as np

Kind = Literal["number", "time", "missing", "text"]

_MISSING: Final = frozenset(
    (
        *("", "nan", "na", "n/a", "-nan", "+nan", "nan(ind)", "-nan(ind)", "null", "none", "nil"),
        *("-", "--", "?", "*", "#n/a", "#na", "#num!", "#div/0!", "#value!", "over", "overflow"),
        *("inf", "-inf", "+inf", "infinity", "-infinity", "1.#qnan", "-1.#ind", "1.#inf"),
    )
)
"""Cells without a number, in lower case."""

_DATE: Final = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
_CLOCK: Final = r"\d{1,3}:\d{2}(?::\d{2}(?:[.,:]\d+)?)?(?:\s?[AaPp]\.?[Mm]\.?)?"
_ZONE: Final = r"(?:\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_TIME: Final = re.compile(rf"(?:{_DATE}[T ]+)?{_CLOCK}{_ZONE}|{_DATE}")

_CLOCK_PARTS: Final = re.compile(
    r"(?P<hours>\d{1,3}):(?P<minutes>\d{2})(?::(?P<seconds>\d{2})(?:[.,:!](?P<fraction>\d+))?)?"
    r"\s?(?P<half>[AaPp])?"
)

_SPACES: Final = "\u00a0\u202f\u2009\u2007 "


_SPACED: Final = re.compile(r'(?:"[^"]*"|[^ \t\n])+')


@dataclass(frozen=True, slots=True)
class Notation:
    """How a file writes numbers: its decimal mark, and what it puts between thousands."""

    decimal: str = "."
    thousands: str = ""

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches a whole number or a decimal number."""
        return _pattern(self.decimal, self.thousands)

    def plain(self, text: str) -> str:
        """Numbers as Python writes them; a point that is out of place becomes `!`."""
        for written, plain in _replacements(self.decimal, self.thousands):
            text = text.replace(written, plain)
        return text


NOTATIONS: Final = (
    Notation(".", ""),
    Notation(",", ""),
    Notation(".", ","),
    Notation(",", "."),
    Notation(".", " "),
    Notation(",", " "),
    Notation(".", "'"),
    Notation(",", "'"),
)
"""In order of preference, where several fit."""


@cache
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    mark = re.escape(decimal)
    between = f"[{_SPACES}]" if thousands == " " else f"[{re.escape(thousands)}\u2019]"
    whole = rf"(?:\d{{1,3}}(?:{between}\d{{3}})+|\d+)" if thousands else r"\d+"
    fraction = rf"{mark}\d*" if decimal == "." else rf"{mark}\d+"
    return re.compile(
        r"\s*[+\-\u2212]?" rf"(?:{whole}(?:{fraction})?|{mark}\d+)(?:[eE][+-]?\d+)?\s*"
    )


@cache
def _replacements(decimal: str, thousands: str) -> tuple[tuple[str, str], ...]:
    """What to replace; `str.replace` is several times as fast as `str.translate`."""
    removed = {" ": _SPACES, "'": "'\u2019"}.get(thousands, thousands)
    return (
        ("\u2212", "-"),
        *((mark, "") for mark in removed),
        *(((".", "!"), (",", ".")) if decimal == "," else ()),
    )


def kind_of(cell: str, notation: Notation) -> Kind:
    """The kind of a cell."""
    if notation.pattern.fullmatch(cell):
        return "number"
    bare = cell.strip()
    if bare.casefold() in _MISSING:
        return "missing"
    return "time" if _TIME.fullmatch(bare) else "text"


def is_whole_groups(cell: str) -> bool:
    """Whether a comma in a number may stand between thousands: `1,234`, `12,345,678`."""
    return bool(re.fullmatch(r"\s*[+-]?[1-9]\d{0,2}(?:,\d{3})+\s*", cell))


def number(cell: str, notation: Notation) -> float:
    """The number in a cell; NaN where the value is missing.

    Raises:
        ValueError: It is neither.
    """
    bare = cell.strip().strip('"')
    kind = kind_of(bare, notation)
    if kind == "missing":
        return np.nan
    if kind != "number":
        raise ValueError(cell)
    return float(notation.plain(bare))


def plain_number(cell: str) -> float:
    """The number in a cell in Python's notation; most are plain, and fast to read.

    Raises:
        ValueError: It is none, and no missing value.
    """
    try:
        return float(cell)
    except ValueError:
        return number(cell, Notation())


def seconds(cell: str) -> float:
    """The time in a cell in seconds: since 1970 with a date, else since midnight.

    Raises:
        ValueError: It is no time of day.
    """
    bare = cell.strip().strip('"').strip()
    clock = _CLOCK_PARTS.search(bare)
    if clock is None:
        raise ValueError(cell)
    day = _day(bare[: clock.start()].rstrip("T "))
    hours = int(clock["hours"])
    if clock["half"]:
        hours = hours % 12 + 12 * (clock["half"] in "pP")
    whole = 3600 * hours + 60 * int(clock["minutes"]) + int(clock["seconds"] or 0)
    fraction = clock["fraction"]
    return day + whole + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)


@cache
def _day(text: str) -> float:
    """Seconds from 1970 to a date; 0 without one.

    Which number is the month rarely matters: only differences count.
    """
    if not text:
        return 0.0
    one, two, three = (int(part) for part in re.split(r"[-/.!]", text))
    for year, month, day in ((one, two, three), (three, two, one), (three, one, two)):
        try:
            return float((datetime(year, month, day) - datetime(1970, 1, 1)).total_seconds())
        except ValueError:
            continue
    raise ValueError(text)


def split(line: str, delimiter: str | None) -> list[str]:
    """Divide a line into its cells.

    Args:
        line: Without its end.
        delimiter: One character; a space for any white space; None for one column.
    """
    if delimiter is None:
        return [line.strip().strip('"')]
    if delimiter == " ":
        # A space that does not break a line stands between thousands and not between columns.
        if line.isascii() and '"' not in line:
            return line.split()
        return [cell.strip('"') for cell in _SPACED.findall(line)]
    if '"' not in line:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
