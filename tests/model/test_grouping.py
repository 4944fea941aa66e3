"""Measurements of several windows: averages over the windows of each, and no work for one each."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.grouping import Grouping

COUNTS = st.lists(st.integers(1, 5), max_size=6)


@given(COUNTS, st.integers(0, 2**32 - 1))
def test_means_are_those_of_each_measurements_windows(counts: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((sum(counts), 3))
    grouping = Grouping.of(len(values), np.array(counts, np.int64))
    apart = np.split(values, np.cumsum(counts)[:-1]) if counts else []
    expected = np.array([part.mean(axis=0) for part in apart]).reshape(-1, 3)
    np.testing.assert_allclose(grouping.mean(values), expected, atol=1e-12)
    assert len(grouping) == len(counts)
    marks = grouping.share(values > 0)
    np.testing.assert_allclose(
        marks, np.array([(part > 0).mean(axis=0) for part in apart]).reshape(-1, 3), atol=1e-6
    )


@given(COUNTS, st.integers(0, 2**32 - 1))
def test_mean_probabilities_are_probabilities_and_do_not_depend_on_the_order(
    counts: list[int], seed: int
) -> None:
    draws = np.random.default_rng(seed).standard_exponential((sum(counts), 4)) ** 9
    probabilities = (draws / draws.sum(axis=1, keepdims=True)).astype(np.float32)
    mean = Grouping.of(len(draws), np.array(counts, np.int64)).mean_probabilities(probabilities)
    np.testing.assert_allclose(mean.sum(axis=1), 1, rtol=1e-5)
    turned = Grouping.of(len(draws), np.array(counts[::-1], np.int64))
    np.testing.assert_allclose(
        turned.mean_probabilities(probabilities[::-1])[::-1], mean, atol=1e-5
    )


def test_equal_windows_have_the_probabilities_of_one() -> None:
    one = np.array([[0.7, 0.2, 0.1, 0]], np.float32)
    mean = Grouping.of(3, np.array([3])).mean_probabilities(np.repeat(one, 3, axis=0))
    np.testing.assert_allclose(mean, one, atol=1e-6)


@given(COUNTS, st.randoms(use_true_random=False))
def test_marked_windows_are_left_out_where_their_measurement_has_others(
    counts: list[int], random: Random
) -> None:
    marks = np.array([random.random() < 0.4 for _ in range(sum(counts))], np.bool_)
    values = np.arange(len(marks), dtype=np.float64)
    left, grouping = Grouping.of(len(marks), np.array(counts, np.int64)).without(marks)
    parts = zip(*(np.split(each, np.cumsum(counts)[:-1]) for each in (values, marks)), strict=True)
    expected = [part if own.all() else part[~own] for part, own in parts] if counts else []
    assert values[left].tolist() == [value for part in expected for value in part]
    assert grouping.counts.tolist() == [len(part) for part in expected]
    np.testing.assert_allclose(grouping.mean(values[left]), [part.mean() for part in expected])


def test_windows_are_not_copied_where_none_is_marked_or_each_is_a_measurement() -> None:
    values = np.ones((4, 3), np.float32)
    for marks, counts in (([False] * 4, [1, 3]), ([True, False] * 2, [1] * 4)):
        grouping = Grouping.of(4, np.array(counts))
        left, same = grouping.without(np.array(marks))
        assert np.shares_memory(values[left], values)
        assert len(values[left]) == 4
        assert same is grouping


def test_measurements_of_one_window_are_not_copied() -> None:
    values = np.ones((3, 4), np.float32)
    for grouping in (Grouping.of(3), Grouping.of(3, np.ones(3, np.int64))):
        assert grouping.mean(values) is values
        assert grouping.mean_probabilities(values) is values
        assert grouping.repeat(values) is values


@pytest.mark.parametrize(("windows", "counts"), [(7, [3, 3, 1]), (6, [3, 3]), (0, []), (2, [2])])
def test_windows_are_grouped_by_a_count(windows: int, counts: list[int]) -> None:
    assert Grouping.every(windows, 3).counts.tolist() == counts


@pytest.mark.parametrize("counts", [[1, 1], [3, 0], [4, -1], [4]])
def test_counts_that_are_not_of_the_windows_are_refused(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="3 in all"):
        Grouping.of(3, np.array(counts))
