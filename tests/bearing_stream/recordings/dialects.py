"""Writes tables of text in the dialects that people and programs use."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True)
class Dialect:
    """How a table is written; the fields are those of the file, from its first byte on."""

    encoding: str
    newline: str
    above: tuple[str, ...]
    heading: bool
    units: bool
    delimiter: str
    decimal: str
    thousands: str
    quoted: bool
    trailing: bool
    last_newline: bool

    def number(self, value: float, form: str) -> str:
        """A number in the dialect's notation."""
        text = format(value, form)
        marks = {",": self.thousands, ".": self.decimal}
        return "".join(marks.get(character, character) for character in text)

    def row(self, cells: Sequence[str]) -> str:
        """A row of cells."""
        written = [f'"{cell}"' for cell in cells] if self.quoted else cells
        return self.delimiter.join(written) + (self.delimiter if self.trailing else "")

    def write(
        self, names: Sequence[str], units: Sequence[str], rows: Sequence[Sequence[str]]
    ) -> bytes:
        """The bytes of a table."""
        lines = list(self.above)
        if self.heading:
            lines.append(self.row(names))
        if self.heading and self.units:
            lines.append(self.row(units))
        lines += map(self.row, rows)
        text = self.newline.join(lines) + (self.newline if self.last_newline else "")
        return text.encode(self.encoding)


ABOVE = (
    (),
    ("Scope acquisition", "Serial: SN-12", ""),
    ("# Device: bench", "# Date: 2026-04-14 13:10:34.255", "#"),
    ("sep=DELIMITER",),
    ("[Header]", "Operator=Müller", "Samples=50", "", "[Data]", ""),
    ("Writer_Version\t2", "Date\t2014/05/23", "***End_of_Header***\t"),
)
"""Lines above the heading; the delimiter is filled in."""


@st.composite
def dialects(draw: st.DrawFn, columns: int) -> Dialect:
    """Any dialect in which a table of so many columns is clear."""
    delimiter = draw(st.sampled_from([";", "\t", "|", ",", " "]))
    decimal = draw(st.sampled_from([".", ","]))
    spaces = [] if delimiter == " " else [" ", "\u202f", "\u00a0"]
    thousands = draw(st.sampled_from(["", "'", "." if decimal == "," else ",", *spaces]))
    # A comma in a number that is a delimiter too stands in quotes.
    commas = delimiter == "," and columns > 1 and "," in (decimal, thousands)
    quoted = commas or draw(st.booleans())
    # One column without a heading may be two, divided by a comma or a space.
    unclear = columns == 1 and not quoted and bool({",", " "} & {decimal, thousands})
    encodings = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
    if thousands != "\u202f":
        encodings.append("cp1252")
    above = draw(
        st.sampled_from([each for each in ABOVE if columns > 1 or each[:1] != ABOVE[3][:1]])
    )
    return Dialect(
        encoding=draw(st.sampled_from(encodings)),
        newline=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        above=tuple(line.replace("DELIMITER", delimiter) for line in above),
        heading=unclear or draw(st.booleans()),
        units=draw(st.booleans()),
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        quoted=quoted,
        trailing=columns > 1 and delimiter not in " ," and draw(st.booleans()),
        last_newline=draw(st.booleans()),
    )
