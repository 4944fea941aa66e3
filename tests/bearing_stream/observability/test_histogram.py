"""A histogram counts every value once, in the bucket that Prometheus would."""

from bisect import bisect_left
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.observability.histogram import Histogram

BOUNDS = [0.001, 0.5, 1.0, 60.0]


@given(st.lists(st.lists(st.floats(0, 1e6) | st.sampled_from([*BOUNDS, nan]), max_size=20)))
def test_values_are_counted_at_most_at_their_bound(batches: list[list[float]]) -> None:
    histogram = Histogram(BOUNDS)
    for batch in batches:
        histogram.observe(batch)
    values = [value for batch in batches for value in batch if not isnan(value)]
    found = histogram.distribution()
    assert found.buckets == tuple(
        (bound, sum(value <= bound for value in values)) for bound in [*BOUNDS, inf]
    )
    assert found.sum == pytest.approx(sum(values))
    places = [bisect_left(BOUNDS, value) for value in values]
    assert [count for _, count in found.buckets] == np.cumsum(
        np.bincount(places, minlength=len(BOUNDS) + 1)
    ).tolist()


def test_a_single_value_counts_too() -> None:
    histogram = Histogram(BOUNDS)
    histogram.observe(0.5)
    assert histogram.distribution() == (((0.001, 0), (0.5, 1), (1.0, 1), (60.0, 1), (inf, 1)), 0.5)


def test_a_value_counts_as_often_as_its_weight() -> None:
    weighted, repeated = Histogram(BOUNDS), Histogram(BOUNDS)
    weighted.observe([0.5, 2.0, nan, 2.0], [3, 1, 5, 2])
    repeated.observe([0.5] * 3 + [2.0] * 3)
    assert weighted.distribution() == repeated.distribution()
