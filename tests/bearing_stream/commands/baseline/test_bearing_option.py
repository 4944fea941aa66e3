"""A bearing named as people name it: designation, geometry, orders or frequencies."""

from math import cos, radians

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bearing_stream.commands.baseline.bearing_option import (
    BearingError,
    by_name_or_geometry,
    by_orders,
)
from model.physics.bearing import DRIVE_END, BearingOrders, from_geometry


def same(found: BearingOrders, expected: BearingOrders, tolerance: float = 1e-6) -> bool:
    return all(
        getattr(found, name) == pytest.approx(getattr(expected, name), rel=tolerance)
        for name in ("outer", "inner", "ball_spin")
    )


@pytest.mark.parametrize("name", ["6205", "6205-2RS", "6205 ZZ C3", "SKF 6205-2Z/C3"])
def test_a_published_bearing_names_its_source(name: str) -> None:
    found = by_name_or_geometry(name)
    assert same(found.orders, DRIVE_END, 1e-3)
    assert "Case Western Reserve University" in found.lines[0]
    assert not any("derived" in line for line in found.lines)


def test_a_derived_bearing_is_printed_as_such() -> None:
    found = by_name_or_geometry("7308 BEP")
    assert found.orders.outer + found.orders.inner == pytest.approx(12)
    text = "\n".join(found.lines)
    assert "12 rolling elements of 15.081 mm on 65 mm, 40°" in text
    assert "10 balls with some cages" in text
    assert "derived, not published" in text
    assert "1%" in text


@pytest.mark.parametrize(
    "geometry",
    [
        *("9 7.94 39.04 0", "9 0.3126 1.537 0", "9 0.3126in 1.537in 0°"),
        *("9 7.94mm 39.04mm 0", '9 7.94mm 1.537" 0', "9 .3126 1.537 0.0"),
    ],
)
def test_a_geometry_is_read_in_either_unit(geometry: str) -> None:
    assert same(by_name_or_geometry(geometry).orders, DRIVE_END, 1e-3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9 7.94 1.537 0", "one of the diameters in millimetres"),
        ("9 0.3126 39.04 0", "one of the diameters in millimetres"),
        ("12 20 39 0", "do not fit"),
        ("9 0.5 39 0", "empty"),
        ("9.5 7.94 39 0", "whole number"),
        ("9 7.94mm 39 0", "unit of both"),
        ("9 nan 39.04 0", "numbers of which .* got 'nan'"),
        ("9 7.94 39.04cm 0", "got '39.04cm'"),
        ("9 7.94 39.04 95", "contact angle below 90 degrees, got 95"),
        ("6299", "nearest: "),
        ("6299", "--bearing N d D ANGLE"),
        ("NU317", "--orders BPFO BPFI BSF"),
    ],
)
def test_a_bearing_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(BearingError, match=message):
        by_name_or_geometry(text)


@given(
    st.integers(6, 24),
    st.floats(0.3, 0.95),
    st.floats(0, 40),
    st.floats(120, 6000),
    st.booleans(),
    st.booleans(),
)
def test_orders_frequencies_and_twice_the_spin_are_distinguished(
    elements: int, filled: float, angle: float, rpm: float, hertz: bool, twice: bool
) -> None:
    """Whatever of the three is typed from a data sheet, the orders are the same."""
    ratio = filled * 3.1416 / elements
    assume(ratio < 0.5)
    expected = from_geometry(elements, ratio, 1, angle)
    # Two decimals of the frequencies of a slow shaft are too few.
    shaft = rpm / 60 if hertz else 1.0
    spin = expected.ball_spin * (2 if twice else 1)
    typed = [f"{value * shaft:.5f}" for value in (expected.outer, expected.inner, spin)]
    # What may be both is taken for orders.
    both = (expected.outer + expected.inner) * shaft
    assume(not hertz or abs(both - round(both)) > 0.03 or both > 60)
    # A spin of a contact angle above 60° when doubled, and above 0° when not, may be both.
    assume(not twice or 2 * cos(radians(angle)) > 1.03)
    found = by_orders(typed, [rpm])
    assert same(found.orders, expected, 1e-3)
    assert bool(hertz) == any("Hz" in line for line in found.lines)
    assert bool(twice) == any("twice the spin" in line for line in found.lines)


def test_frequencies_belong_to_the_speed_that_makes_a_whole_bearing_of_them() -> None:
    typed = [f"{order * 1797 / 60:.1f}" for order in (3.5848, 5.4152, 2.357)]
    assert same(by_orders(typed, [1500, 1797]).orders, DRIVE_END, 2e-3)
    with_unit = [f"{value}Hz" for value in typed]
    assert same(by_orders(with_unit, [1797]).orders, DRIVE_END, 2e-3)


def test_of_speeds_that_differ_little_the_best_is_that_of_the_frequencies() -> None:
    typed = [f"{order * 1797 / 60:.2f}Hz" for order in (3.5848, 5.4152, 2.357)]
    assert same(by_orders(typed, [1794, 1797.1, 1799]).orders, DRIVE_END, 1e-3)


def test_slow_frequencies_are_not_taken_for_orders_of_more_elements_than_fit() -> None:
    typed = [f"{2 * order:.3f}" for order in (3.5848, 5.4152, 2.357)]
    assert same(by_orders(typed, [120]).orders, DRIVE_END, 1e-3)


@pytest.mark.parametrize(
    ("typed", "speeds", "message"),
    [
        (["107.4", "162.2", "70.6"], [], "Hz at a shaft speed of the recordings"),
        (["107.4", "162.2", "70.6"], [1700], "269.6"),
        (["107.4Hz", "162.2", "70.6"], [1797], "Hz for all"),
        (["5", "3", "1"], [1797], "outer < inner"),
        (["a", "3", "1"], [1797], "could not convert"),
        (["nan", "3", "1"], [1797], "outer < inner"),
    ],
)
def test_values_that_are_neither_are_refused(
    typed: list[str], speeds: list[float], message: str
) -> None:
    with pytest.raises(BearingError, match=message):
        by_orders(typed, speeds)


def test_implausible_orders_are_taken_with_a_warning() -> None:
    assert by_orders(["3.4", "5.2", "2.3"], []).lines[0].startswith("Warning: BPFO 3.4")
    assert any("BSF of 2.3" in line for line in by_orders(["3.58", "5.42", "9"], []).lines)
