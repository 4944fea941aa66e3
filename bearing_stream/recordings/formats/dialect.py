"""How a text table is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bearing_stream.recordings.formats.cells import Kind, Notation, kind_of, split

NOTATION_NAMES: Final = {".": "decimal points", ",": "decimal commas"}
DELIMITER_NAMES: Final = {
    "\t": "tabs",
    " ": "spaces",
    ",": "commas",
    ";": "semicolons",
    "|": "bars",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text table is written.

    Args:
        delimiter: Between columns; a space for any white space, None for one column.
        notation: Of the numbers.
        kinds: Of the cells of each column.
        names: Headings of the columns, empty where there is none.
        units: Units from a row of their own, empty where there is none.
        first: Index of the first line of data.
        above: The lines above the data, without empty ones.
        spaced: Every other line is empty, so that an empty line is no gap.
    """

    delimiter: str | None
    notation: Notation
    kinds: tuple[Kind, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    first: int
    above: tuple[str, ...] = ()
    spaced: bool = False

    @property
    def width(self) -> int:
        """Cells of a row."""
        return len(self.kinds)

    def fits(self, line: str) -> bool:
        """Whether a line is a row of these columns."""
        cells = split(line, self.delimiter)
        return fits([kind_of(cell, self.notation) for cell in cells], self.kinds)

    def described(self) -> str:
        """The delimiter and the decimal mark, for a person."""
        marks = [NOTATION_NAMES[self.notation.decimal]]
        if self.delimiter is not None:
            marks.insert(
                0, f"{DELIMITER_NAMES.get(self.delimiter, repr(self.delimiter))} between columns"
            )
        return ", ".join(marks)


def fits(kinds: Sequence[Kind], common: Sequence[Kind]) -> bool:
    """Whether the cells of a line are of the kinds that are common in its columns."""
    return (
        len(kinds) == len(common)
        and all(
            a in (b, "missing") or b in ("text", "missing")
            for a, b in zip(kinds, common, strict=True)
        )
        and any(kind == "number" for kind in kinds)
    )
