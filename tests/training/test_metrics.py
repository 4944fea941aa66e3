"""Metrics: examples computed by hand, and properties that hold for all input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.evaluation.metrics import fold_scores, macro_auroc

PROBABILITIES = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],
        [0.4, 0.3, 0.2, 0.1],
        [0.5, 0.2, 0.2, 0.1],
        [0.1, 0.1, 0.7, 0.1],
        [0.2, 0.2, 0.2, 0.4],
    ]
)
LABELS = np.array([0, 0, 1, 2, 3])


def test_recalls_are_counted_by_class() -> None:
    found = fold_scores(PROBABILITIES, LABELS)
    assert found.recall == {"Ball": 1, "InnerRace": 0, "Normal": 1, "OuterRace": 1}
    assert found.macro_recall == 0.75
    assert found.confusion.counts.tolist() == [
        [2, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
    ]


def test_areas_count_pairs_and_half_of_each_tie() -> None:
    # Ball: .7 beats three others, .4 beats two of three. InnerRace: .2 beats .1, .1, ties .2, loses
    # to .3. Normal: .7 beats all. OuterRace: .4 beats all.
    areas = [5 / 6, 2.5 / 4, 1, 1]
    assert macro_auroc(PROBABILITIES, LABELS) == pytest.approx(np.mean(areas))


def test_a_class_without_windows_is_left_out() -> None:
    assert macro_auroc(PROBABILITIES[:2], np.array([0, 1])) == pytest.approx((1 + 1) / 2)
    assert np.isnan(macro_auroc(PROBABILITIES, np.zeros(5, np.int64)))


probabilities = arrays(np.float64, (15, 4), elements=st.floats(0, 1, width=16))
labels = arrays(np.int64, 15, elements=st.integers(0, 3))


@given(probabilities=probabilities, labels=labels, order=st.permutations(range(15)))
def test_order_and_monotone_scaling_change_nothing(
    probabilities: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    labels: np.ndarray[tuple[int], np.dtype[np.int64]],
    order: list[int],
) -> None:
    area = macro_auroc(probabilities, labels)
    np.testing.assert_allclose(macro_auroc(probabilities[order], labels[order]), area)
    np.testing.assert_allclose(macro_auroc(probabilities**3, labels), area)
    assert np.isnan(area) or 0 <= area <= 1
    found = fold_scores(probabilities, labels)
    assert found.confusion.counts.sum() == 15
    assert 0 <= found.macro_recall <= 1


@given(labels=labels)
def test_equal_probabilities_have_an_area_of_one_half(
    labels: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> None:
    area = macro_auroc(np.full((15, 4), 0.25), labels)
    assert np.isnan(area) or area == 0.5
