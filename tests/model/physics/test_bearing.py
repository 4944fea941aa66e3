"""A bearing's orders, from its maker's list or its geometry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.physics.bearing import DRIVE_END, BearingOrders, from_geometry


def test_the_geometry_of_the_6205_gives_the_orders_that_its_maker_lists() -> None:
    found = from_geometry(9, 7.94, 39.04)
    assert found.outer == pytest.approx(DRIVE_END.outer, rel=1e-4)
    assert found.inner == pytest.approx(DRIVE_END.inner, rel=1e-4)
    assert found.ball_spin == pytest.approx(DRIVE_END.ball_spin, rel=1e-3)


@given(st.integers(3, 40), st.floats(0.01, 0.5), st.floats(0, 60))
def test_both_races_together_are_passed_by_every_element_once_a_turn(
    elements: int, ratio: float, angle: float
) -> None:
    found = from_geometry(elements, ratio, 1, angle)
    assert found.outer + found.inner == pytest.approx(elements)


@pytest.mark.parametrize(
    ("elements", "diameter", "pitch"), [(0, 1, 5), (9, 0, 5), (9, 5, 5), (9, 1, 0), (9, -1, 5)]
)
def test_an_impossible_geometry_is_refused(elements: int, diameter: float, pitch: float) -> None:
    with pytest.raises(ValueError, match="pitch diameter"):
        from_geometry(elements, diameter, pitch)


@pytest.mark.parametrize("orders", [(0, 5, 2), (5, 4, 2), (3, 5, 0), (float("nan"), 5, 2)])
def test_impossible_orders_are_refused(orders: tuple[float, float, float]) -> None:
    outer, inner, ball_spin = orders
    with pytest.raises(ValueError, match="0 < outer < inner"):
        BearingOrders(outer=outer, inner=inner, ball_spin=ball_spin)
