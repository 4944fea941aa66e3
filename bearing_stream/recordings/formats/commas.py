"""Whether a comma between digits is a delimiter or a decimal mark."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

_WHOLE: Final = re.compile(
    r"[+\-\u2212]?(?:\d+|[1-9]\d{0,2}(?:[.'\u2019 \u00a0\u202f\u2009]\d{3})+)"
)
"""A whole number, also with a mark between thousands."""

_MANY: Final = 100
"""Rows from which on a fraction that begins with 0 is certain: all but 0.9 ^ 100 of all files."""


def use_of_comma(
    rows: Sequence[Sequence[str]], heading: str
) -> Literal["delimiter", "decimal", "unclear"]:
    """Decide what the commas of a file are in which nothing else is between the digits.

    `-0,08988` is two whole numbers or one decimal number. A sign or a point after a comma makes it
    a delimiter, as does a first column that counts the rows. A leading 0 after it, or `-0` before
    it, make it a decimal mark. Otherwise the heading decides by its commas.

    Args:
        rows: Lines of data, divided at commas into the same number of cells.
        heading: The line above the data; empty if there is none.
    """
    width = len(rows[0])
    wholes = [cell.strip() for row in rows for cell in row[::2]]
    fractions = [cell for row in rows for cell in row[1::2]]
    if (
        width % 2
        or not all(re.fullmatch(r"\d+(?:[eE][+-]?\d+)?", cell) for cell in fractions)
        or not all(map(_WHOLE.fullmatch, wholes))
    ):
        return "delimiter"
    decimals = any(re.match(r"0\d", cell) for cell in fractions) or "-0" in wholes
    names = len(heading.split(",")) if heading else 0
    if not decimals and (names == width or _counts_up([row[0] for row in rows])):
        return "delimiter"
    # In many decimal numbers, some fraction of several digits begins with 0.
    expected = len(rows) >= _MANY and any(len(cell) > 1 for cell in fractions)
    decimals = decimals or (names == 1 and not expected)
    return "decimal" if width == 2 and decimals else "unclear"


def _counts_up(cells: Sequence[str]) -> bool:
    numbers = [int(cell) for cell in cells if re.fullmatch(r"\s*\d+\s*", cell)]
    return len(numbers) == len(cells) > 2 and all(b - a == 1 for a, b in pairwise(numbers))
