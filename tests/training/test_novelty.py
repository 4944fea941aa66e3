"""The limit flags the intended share of known windows; the temperature only lowers confidence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bearing_stream.recordings import Recording
from model.diagnoser import Diagnoser
from training.fit import Recipe, fit
from training.flags import flagged, spoiled
from training.novelty import best_temperature, calibration_error, fit_novelty
from training.split import random_split
from training.windows import TrainingPool, cut


@pytest.fixture(scope="module")
def known(synthetic: list[Recording]) -> Diagnoser:
    """Return a diagnoser that was trained on the synthetic recordings."""
    split = random_split(synthetic, 0, test=0.3, validation=0.5)
    pool, validation = TrainingPool(synthetic, split.held_out()), cut(synthetic, split.validation)
    network = fit(pool, validation, 0, Recipe(epochs=4, windows_per_class=100)).network
    return Diagnoser(network.weights(), fit_novelty(network, pool, validation, 0))


def test_the_limit_is_where_one_in_a_hundred_known_windows_lies(
    known: Diagnoser, synthetic: list[Recording]
) -> None:
    split = random_split(synthetic, 0, test=0.3, validation=0.5)
    validation = known.examine(cut(synthetic, split.validation).windows).novelty
    assert 0 < (validation > 1).mean() <= 1 / len(validation) + 0.01
    test = known.examine(cut(synthetic, split.test).windows).novelty
    assert (test > 1).mean() < 0.15
    assert np.median(test) < 1


def test_a_signal_of_another_kind_is_novel(known: Diagnoser) -> None:
    time = np.arange(2048)
    hum = np.sin(2 * np.pi * 60 / 12_000 * time + np.arange(50)[:, None])
    assert (known.examine(hum).novelty > 1).all()


def test_spoiled_windows_are_flagged_by_their_quality(
    known: Diagnoser, synthetic: list[Recording]
) -> None:
    good = cut(synthetic, random_split(synthetic, 0).test).windows
    assert flagged(known, good).quality == 0
    rows = {
        name: flagged(known, windows)
        for name, windows in spoiled(good, np.random.default_rng(0)).items()
    }
    for name in ("60 Hz hum", "jump by three", "dropout, 16 samples held"):
        assert rows[name].quality == 1
    for row in rows.values():
        assert row.windows == len(good)
        assert max(row.novelty, row.quality) <= row.either <= row.novelty + row.quality


@settings(deadline=None)
@given(
    logits=arrays(np.float64, (20, 4), elements=st.floats(-30, 30)),
    labels=arrays(np.int64, 20, elements=st.integers(0, 3)),
)
def test_a_temperature_is_at_least_one(
    logits: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    labels: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> None:
    assert 1 <= best_temperature(logits, labels) <= 10


def test_an_overconfident_network_gets_its_temperature() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(0, 2, (20_000, 4))
    labels = (truth + generator.gumbel(size=truth.shape)).argmax(axis=1)
    # With Gumbel noise, the softmax of `truth` is exactly the probability of each label.
    assert best_temperature(3 * truth, labels) == pytest.approx(3, rel=0.05)
    assert best_temperature(truth / 3, labels) == 1


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.array([[0.9, 0.1, 0, 0], [0.9, 0.1, 0, 0], [0.3, 0.7, 0, 0]])
    labels = np.array([0, 1, 1])
    # In the bin of 0.9: confidence 0.9, accuracy 0.5, two windows; in that of 0.7: all right.
    assert calibration_error(probabilities, labels) == pytest.approx((2 * 0.4 + 0.3) / 3)
    assert calibration_error(np.eye(4), np.arange(4)) == 0
