"""Known bearings by designation: `6205`, `6205-2RS C3`, `SKF 7308 BEP`, `NU 208 ECP`.

`bearings.csv` is the table. Where `basis` is `published`, the geometry is that of a maker, or of a
data set whose authors measured or cite it. Where it is `derived`, it follows from a catalogue:

- Ball bearings: ISO 76 gives the static load rating as f0·Z·Dw²·cos a and ISO 281 the dynamic one
  as 1.3·fc·(cos a)^0.7·Z^(2/3)·Dw^1.8 (3.647·Dw^1.4 above 25.4 mm). One number Z and standard ball
  diameter Dw give both ratings and the factor f0 of a row, within what the catalogue rounds. The
  pitch diameter is the mean of bore and outside diameter.
- Cylindrical roller bearings: the raceways give diameter and pitch diameter. ISO 76 gives the
  static rating as 44·(1 - Dw/Dpw)·Z·Lwe·Dw. Exactly one number Z gives rollers of whole
  millimetres, less the same chamfer, both in the narrow series and in the wide one. It is that of
  the makers where it is published (NU204, NU205, NU206).

Bearings for which no one geometry results are not in the table: a wrong one is worse than none.
Makers are free to choose balls and rollers, and some use another number of them.
"""

import csv
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from model.physics.bearing import BearingOrders, from_geometry

TOLERANCE: Final = 0.01
"""Of the orders of a derived geometry: a pitch diameter may differ by 3 % from the mean of bore and
outside diameter, as that of the 6204 does, which changes BPFO by 1 %."""

_MAKERS: Final = "SKF|FAG|INA|NSK|NTN|SNR|KOYO|JTEKT|NACHI|TIMKEN|FAFNIR|REXNORD|MB|LDK|ZKL|RHP"

_ANGLES: Final = {"AC": 25.0, "A5": 25.0, "A": 30.0, "B": 40.0, "C": 15.0}
"""Contact angles by the letter after the number of an angular contact bearing; 30° without one, as
in JIS B 1513. Longer letters first."""

_ROLLER_DESIGNS: Final = re.compile(r"^(NUP|NJ|NF|NU|N)[\s-]*(?=\d)")
"""Cylindrical roller bearings that differ in their ribs only."""


class UnknownBearingError(ValueError):
    """No row of the table has this designation; the message names the nearest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBearing:
    """A row of the table.

    Args:
        designation: Of the row: without the maker's name and suffixes.
        kind: `deep groove`, `angular contact`, `cylindrical roller` …
        elements: Rolling elements; of a row, where there are two.
        diameter: Of a rolling element, mm.
        pitch: Diameter of the circle of their centres, mm.
        angle: Contact angle, degrees.
        basis: Whether the geometry is published, or derived from the ratings of a catalogue.
        source: Who published it, or which catalogue.
        note: What else to know; may be empty.
    """

    designation: str
    kind: str
    elements: int
    diameter: float
    pitch: float
    angle: float
    basis: Literal["published", "derived"]
    source: str
    note: str

    @property
    def orders(self) -> BearingOrders:
        """Its orders."""
        return from_geometry(self.elements, self.diameter, self.pitch, self.angle)


def find(designation: str) -> KnownBearing:
    """Return the bearing with a designation; maker, spaces and suffixes do not matter.

    The letter after the number of an angular contact bearing gives its contact angle: 15° for C,
    25° for AC, 40° for B, 30° for A or none.

    Raises:
        UnknownBearingError: It is not in the table.
    """
    plain = re.sub(rf"^(?:(?:{_MAKERS})\b[\s-]*)+", "", designation.strip().upper())
    plain = _ROLLER_DESIGNS.sub("NU", plain)
    rows = _table()
    matching = [base for base in rows if _pattern(base).match(plain)]
    if not matching:
        raise UnknownBearingError(
            f"no bearing {designation!r} in the table; nearest: {', '.join(_nearest(plain))}"
        )
    base = max(matching, key=len)
    row, suffix = rows[base], _pattern(base).sub("", plain).strip(" -")
    if row.kind == "deep groove" and suffix == "R":
        raise UnknownBearingError(
            f"{designation!r} is a high-capacity design, whose balls are not those of the {base}"
        )
    return row if row.kind != "angular contact" else _with_angle(row, suffix)


def _with_angle(row: KnownBearing, suffix: str) -> KnownBearing:
    letter = next((letter for letter in _ANGLES if suffix.startswith(letter)), "")
    return KnownBearing(
        designation=row.designation + letter,
        kind=row.kind,
        elements=row.elements,
        diameter=row.diameter,
        pitch=row.pitch,
        angle=_ANGLES[letter or "A"],
        basis=row.basis,
        source=row.source,
        note=row.note,
    )


@cache
def _pattern(base: str) -> re.Pattern[str]:
    """Return what matches a designation with spaces or dashes anywhere, and no further digit."""
    return re.compile(rf"^{'[ -]*'.join(map(re.escape, base))}(?!\d)")


def _nearest(plain: str) -> list[str]:
    names = {base: row.designation for base, row in _table().items()}
    return [names[base] for base in get_close_matches(plain, names, n=4, cutoff=0)]


@cache
def _table() -> dict[str, KnownBearing]:
    """Return the rows by their designation without dashes."""
    text = (files("model.physics") / "bearings.csv").read_text(encoding="utf-8")
    rows = [
        KnownBearing(
            designation=row["designation"],
            kind=row["kind"],
            elements=int(row["elements"]),
            diameter=float(row["diameter"]),
            pitch=float(row["pitch"]),
            angle=float(row["angle"]),
            basis="published" if row["basis"] == "published" else "derived",
            source=row["source"],
            note=row["note"],
        )
        for row in csv.DictReader(text.splitlines())
    ]
    return {row.designation.replace("-", ""): row for row in rows}
