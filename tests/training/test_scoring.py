"""The confusion matrix: recall, accuracy, and the lower bound that few windows allow."""

import numpy as np
import pytest

from training.scoring import ConfusionMatrix


def test_recall_and_accuracy_are_shares_of_the_windows() -> None:
    matrix = ConfusionMatrix(np.array([[8, 2, 0, 0], [0, 5, 0, 0], [0, 0, 0, 0], [1, 0, 0, 4]]))
    assert matrix.accuracy == 17 / 20
    assert matrix.recall == {"Ball": 0.8, "InnerRace": 1.0, "OuterRace": 0.8}


def test_the_lower_bound_is_the_exact_one() -> None:
    matrix = ConfusionMatrix(np.array([[100, 0, 0, 0], [0, 21, 0, 0], [0, 0, 3, 0], [5, 0, 0, 0]]))
    bounds = matrix.recall_at_least
    # All n right: the recall r for which n right in a row have a chance of 5 % is 0.05^(1/n).
    assert bounds["Ball"] == pytest.approx(0.05 ** (1 / 100))
    assert bounds["InnerRace"] == pytest.approx(0.05 ** (1 / 21))
    assert bounds["Normal"] == pytest.approx(0.05 ** (1 / 3))
    assert bounds["OuterRace"] == 0
