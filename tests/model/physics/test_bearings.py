"""The table of bearings: every row obeys physics, and designations are found as people write them.

Static load ratings are those of ISO 76:2006; the table of its factor f0 is repeated here so that
the rows are checked against the standard and not against the code.
"""

import csv
import re
from math import asin, cos, pi, radians
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest

import model.physics.bearings as table
from model.physics.bearing import DRIVE_END
from model.physics.bearings import TOLERANCE, UnknownBearingError, find

F0 = (
    *(14.7, 14.9, 15.1, 15.3, 15.5, 15.7, 15.9, 16.1, 16.3, 16.5, 16.4, 16.1, 15.9, 15.6),
    *(15.4, 15.2, 14.9, 14.7, 14.4, 14.2, 14.0, 13.7, 13.5, 13.2, 13.0, 12.8, 12.5, 12.3),
    *(12.1, 11.8, 11.6, 11.4, 11.2, 10.9, 10.7),
)
"""ISO 76, table 1: f0 for Dw·cos a/Dpw of 0, 0.01, 0.02 …"""

TABLE = Path(table.__file__).parent / "bearings.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
NAMES = [row["designation"] for row in ROWS]
SPINDLE_ANGLE = 15.0
"""Degrees; the ratings in the rows of angular contact bearings are those of this angle."""


def of_kind(kind: str) -> list[dict[str, str]]:
    return [row for row in ROWS if row["kind"] == kind]


def numbers(row: dict[str, str]) -> tuple[int, float, float]:
    return int(row["elements"]), float(row["diameter"]), float(row["pitch"])


def test_the_series_are_there() -> None:
    for series, first, last in (("60", 0, 22), ("62", 0, 22), ("63", 0, 22), ("72", 0, 20)):
        expected = {f"{series}{size:02}" for size in range(first, last + 1)}
        assert expected <= set(NAMES) | {"60", "62", "63"}, sorted(expected - set(NAMES))
    assert {f"NU2{size:02}" for size in range(4, 21)} <= set(NAMES)
    assert {f"NU3{size:02}" for size in range(4, 17)} <= set(NAMES)
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_the_elements_fit_between_the_rings(row: dict[str, str]) -> None:
    elements, diameter, pitch = numbers(row)
    assert row["source"]
    assert 6 <= elements <= 20
    assert elements * asin(diameter / pitch) < pi, "the elements overlap"
    assert elements * diameter > 0.5 * pi * pitch, "more than half of the circle is empty"
    if row["outside"]:
        bore, outside = float(row["bore"]), float(row["outside"])
        assert bore < pitch - diameter
        assert pitch + diameter < outside
        if row["kind"] != "insert":
            assert pitch == pytest.approx((bore + outside) / 2, rel=0.035)


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_the_orders_are_those_of_the_geometry(row: dict[str, str]) -> None:
    orders = find(row["designation"]).orders
    assert orders.outer + orders.inner == pytest.approx(int(row["elements"]))
    if row["kind"] in ("deep groove", "cylindrical roller"):
        ratio = (orders.inner - orders.outer) / int(row["elements"])
        assert orders.ball_spin == pytest.approx((1 - ratio**2) / (2 * ratio))


@pytest.mark.parametrize(
    "row",
    [*filter(itemgetter("static_rating"), of_kind("deep groove")), *of_kind("angular contact")],
    ids=lambda row: row["designation"],
)
def test_the_balls_carry_the_load_that_the_catalogue_states(row: dict[str, str]) -> None:
    elements, diameter, pitch = numbers(row)
    cosine = cos(radians(SPINDLE_ANGLE if row["kind"] == "angular contact" else 0))
    factor = float(np.interp(diameter * cosine / pitch, np.arange(len(F0)) / 100, F0))
    rating = factor * elements * diameter**2 * cosine / 1000
    assert rating == pytest.approx(float(row["static_rating"]), rel=0.025)


@pytest.mark.parametrize("row", of_kind("cylindrical roller"), ids=lambda row: row["designation"])
def test_rollers_have_whole_lengths_in_both_widths(row: dict[str, str]) -> None:
    """ISO 76: C0 = 44·(1 - Dw/Dpw)·Z·Lwe·Dw; the effective lengths differ by whole millimetres."""
    narrow = re.sub(r"^NU2([23])(\d\d)$", r"NU\1\2", row["designation"])
    wide = re.sub(r"^NU(\d)", r"NU2\1", narrow)
    lengths = []
    for name in (narrow, wide):
        each = ROWS[NAMES.index(name)]
        elements, diameter, pitch = numbers(each)
        per_millimetre = 44 * (1 - diameter / pitch) * elements * diameter / 1000
        lengths.append(float(each["static_rating"]) / per_millimetre)
    difference = lengths[1] - lengths[0]
    assert difference == pytest.approx(round(difference), abs=0.13)
    assert 0.75 * diameter < lengths[0] < 1.15 * diameter


def test_the_6205_is_that_of_the_known_rig() -> None:
    found = find("6205")
    assert found.orders.outer == pytest.approx(DRIVE_END.outer, rel=1e-4)
    assert found.basis == "published"


@pytest.mark.parametrize(
    ("designation", "elements", "outer"),
    [
        # Timken's catalogue of housed units, table A-9, for outer rings of these sizes.
        *[("6203", 8, 3.053), ("6205", 9, 3.574), ("6206", 9, 3.568), ("6207", 9, 3.565)],
        *[("6209", 9, 3.621), ("6210", 10, 4.093), ("6211", 10, 4.078), ("6212", 10, 4.066)],
        *[("6213", 10, 4.099), ("6214", 10, 4.104), ("6303", 7, 2.545), ("6304", 7, 2.574)],
        *[("6310", 8, 3.047), ("6311", 8, 3.057), ("6312", 8, 3.064), ("6314", 8, 3.076)],
        *[("6315", 8, 3.081), ("6316", 8, 3.086), ("6318", 8, 3.093)],
        # Schaeffler, as Schnur et al. (2025) cite it.
        ("NU206", 13, 5.24),
        # NSK 7314: 12 balls of 25.4 mm at 40°.
        ("7314B", 12, 12 / 2 * (1 - 25.4 / 110 * cos(radians(40)))),
    ],
)
def test_what_makers_list_independently_is_within_the_tolerance(
    designation: str, elements: int, outer: float
) -> None:
    found = find(designation)
    assert found.elements == elements
    assert found.orders.outer == pytest.approx(outer, rel=TOLERANCE)


@pytest.mark.parametrize(
    ("written", "designation", "angle"),
    [
        *[("6205-2RS", "6205", 0), ("6205 ZZ C3", "6205", 0), ("skf 6205-2Z/C3", "6205", 0)],
        *[("62/28 ZZ", "62/28", 0), ("61806-2RS", "61806", 0), ("er16k", "ER-16K", 0)],
        *[("7308 BECBP", "7308B", 40), ("7308", "7308", 30), ("FAG 7205-B-2RS-TVP", "7205B", 40)],
        *[("7205AC", "7205AC", 25), ("7205CTYNDUL", "7205C", 15), ("7205A", "7205A", 30)],
        *[("NU 208 ECP", "NU208", 0), ("NJ208", "NU208", 0), ("N 208 E", "NU208", 0)],
        *[("NUP2208-E-XL-TVP2", "NU2208", 0), ("NSK NU2308EW", "NU2308", 0)],
    ],
)
def test_designations_as_people_write_them(written: str, designation: str, angle: float) -> None:
    found = find(written)
    assert (found.designation, found.angle) == (designation, angle)


def test_every_designation_finds_its_row() -> None:
    assert [find(name).designation for name in NAMES] == NAMES


@pytest.mark.parametrize("name", ["6299", "62055", "NU317", "", "hello", "7", "6205R"])
def test_an_unknown_bearing_names_the_nearest(name: str) -> None:
    with pytest.raises(UnknownBearingError, match=r"nearest: |not those of"):
        find(name)
    with pytest.raises(UnknownBearingError, match="NU318, NU316"):
        find("NU317")
