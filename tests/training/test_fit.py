"""Fitting: it learns, is reproducible, and stops by the validation windows."""

import dataclasses

import numpy as np
import pytest
import torch

from bearing_stream.recordings import Recording
from model.diagnoser import Diagnoser
from training.fit import Epoch, Fit, Recipe, fit
from training.scoring import score
from training.split import random_split
from training.windows import LabelledWindows, TrainingPool, cut

pytestmark = pytest.mark.slow

RECIPE = Recipe(epochs=10, windows_per_class=200)
FEW = dataclasses.replace(RECIPE, windows_per_class=100)


def fitted(synthetic: list[Recording], seed: int = 0, recipe: Recipe = RECIPE) -> Fit:
    split = random_split(synthetic, seed)
    pool = TrainingPool(synthetic, split.held_out())
    return fit(pool, cut(synthetic, split.validation), seed, recipe)


def test_it_learns_to_distinguish_synthetic_faults(synthetic: list[Recording]) -> None:
    result = fitted(synthetic)
    assert result.history[-1].training_loss < result.history[0].training_loss / 2
    test = cut(synthetic, random_split(synthetic, 0).test)
    assert score(Diagnoser(result.network.weights()), test).accuracy > 0.95


def test_the_same_seed_gives_the_same_weights_with_any_number_of_threads(
    synthetic: list[Recording],
) -> None:
    recipe = dataclasses.replace(FEW, epochs=2)
    threads = torch.get_num_threads()
    try:
        first = fitted(synthetic, recipe=recipe)
        torch.set_num_threads(2)
        torch.manual_seed(99)
        again = fitted(synthetic, recipe=recipe)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    # Exact: `fit` promises the same weights on one machine, and so uses one thread.
    assert first.network.weights().digest == again.network.weights().digest
    assert first.history == again.history
    assert (
        fitted(synthetic, seed=1, recipe=recipe).network.weights().digest
        != first.network.weights().digest
    )


def test_fitting_leaves_torchs_own_randomness_alone(synthetic: list[Recording]) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fitted(synthetic, recipe=dataclasses.replace(FEW, epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_it_stops_when_validation_gets_no_better_and_keeps_the_best_weights(
    synthetic: list[Recording],
) -> None:
    split = random_split(synthetic, 0)
    truth = cut(synthetic, split.validation)
    # With every label swapped, the better the training the worse the validation.
    wrong = LabelledWindows(truth.windows, (truth.labels + 2) % 4)
    reported: list[Epoch] = []
    recipe = dataclasses.replace(FEW, epochs=50, patience=3)
    pool = TrainingPool(synthetic, split.held_out())
    result = fit(pool, wrong, 0, recipe, reported.append)
    losses = [epoch.validation_loss for epoch in result.history]
    assert result.best == int(np.argmin(losses))
    assert len(losses) == result.best + 1 + 3 < 50
    assert reported == list(result.history)
    best = score(Diagnoser(result.network.weights()), wrong).accuracy
    assert best == pytest.approx(result.history[result.best].validation_accuracy)


def test_fitting_without_a_validation_window_is_refused(synthetic: list[Recording]) -> None:
    nothing = {recording.id: np.empty(0, np.int64) for recording in synthetic}
    with pytest.raises(ValueError, match="no validation window"):
        fit(TrainingPool(synthetic, nothing), cut(synthetic, nothing), 0, RECIPE)
