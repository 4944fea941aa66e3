"""The history of a sensor: bounded, complete, and true to the measurements."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from bearing_stream.commands.page.history import FACTOR, TIERS, VALUES, History, values_of
from bearing_stream.commands.page.sensor import sparkline
from tests.bearing_stream.commands.page.examples import diagnosis, evidence, indicators


def filled(count: int, size: int = 32) -> History:
    """Return a history whose value `rms` counts the measurements, and others are missing."""
    history = History(size)
    for number in range(count):
        values: list[float | None] = [None] * len(VALUES)
        values[4] = float(number)
        history.add(float(number), number % 7, values)
    return history


@given(st.integers(1, 3000), st.sampled_from([32, 48, 100]))
@example(count=140_000, size=32)
def test_points_hold_each_measurement_once_from_the_oldest_kept_on(count: int, size: int) -> None:
    points = filled(count, size).points()
    total = int(points.counts.sum())
    assert len(points.times) <= TIERS * size
    assert np.all(np.diff(points.times) > 0)
    # A point's time is the mean of its measurements, which were a second apart.
    newest = points.times[-1] + (points.counts[-1] - 1) / 2
    edges = newest + 1 - np.cumsum(points.counts[::-1])[::-1]
    np.testing.assert_allclose(points.times, edges + (points.counts - 1) / 2)
    np.testing.assert_allclose(points.values[:, 4], points.times, rtol=1e-6)
    assert np.isnan(points.values[:, 0]).all()
    assert total <= newest + 1


def test_nothing_is_left_out_before_the_last_tier_is_full() -> None:
    for count in (1, 16, 32, 33, 500, 5000):
        assert filled(count).points().counts.sum() == count


def test_a_merged_point_has_the_worst_state() -> None:
    history = History(32)
    for number in range(200):
        history.add(float(number), 11 if number == 3 else 1, [None] * len(VALUES))
    points = history.points()
    assert points.codes[0] == 11
    assert points.counts[0] == FACTOR
    assert set(points.codes[1:]) == {1}


def test_values_are_those_of_the_diagnosis_and_none_where_it_has_none() -> None:
    full = values_of(diagnosis(evidence=evidence(outer=4.5), indicators=indicators(2.0)))
    found = dict(zip(VALUES, full, strict=True))
    assert (found["Normal"], found["Ball"]) == (0.97, 0.01)
    assert (found["rms"], found["outer"], found["latency"]) == (2.0, 4.5, 5.0)
    bare = dict(zip(VALUES, values_of(diagnosis()), strict=True))
    assert (bare["rms"], bare["outer"], bare["novelty"]) == (None, None, 0.5)


@given(st.lists(st.floats(width=32), max_size=40))
def test_a_sparkline_has_a_level_for_each_finite_value(values: list[float]) -> None:
    numbers = np.array(values, np.float32)
    drawn = sparkline(numbers)
    finite = np.isfinite(numbers)
    assert len(drawn) == (len(values) if finite.any() else 0)
    for character, present in zip(drawn, finite, strict=bool(drawn)):
        assert "0" <= character <= "o" if present else character == " "
