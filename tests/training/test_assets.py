"""The committed assets agree with their card, on the real recordings too."""

import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from bearing_stream.recordings import Recording
from model.diagnoser import Diagnoser
from model.weight_files import load_weights
from training.card import ModelCard
from training.controls import CONTROLS, run_controls
from training.flags import flag_signals
from training.markdown import markdown
from training.scoring import score
from training.split import fingerprint, random_split
from training.windows import cut

ASSETS = Path(str(files("assets")))


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return ModelCard.model_validate_json((ASSETS / "model_card.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def diagnoser() -> Diagnoser:
    return Diagnoser.load(device="cpu")


def test_the_card_is_of_these_weights(card: ModelCard, diagnoser: Diagnoser) -> None:
    assert card.version == diagnoser.version
    assert card.version == load_weights(ASSETS).digest[:12]
    assert (card.name, card.labels) == (diagnoser.name, diagnoser.labels)


def test_the_markdown_card_is_that_of_the_json(card: ModelCard) -> None:
    assert (ASSETS / "MODEL_CARD.md").read_text(encoding="utf-8") == markdown(card)


def test_the_cards_pictures_exist() -> None:
    for name in ("architecture.png", "confusion_matrix.png", "training_curves.png"):
        assert f"]({name})" in (ASSETS / "MODEL_CARD.md").read_text(encoding="utf-8")
        assert (ASSETS / name).stat().st_size > 10_000


def test_every_hold_out_window_is_diagnosed_right(card: ModelCard) -> None:
    assert card.test_scores.accuracy == 1
    assert sum(card.test.count.values()) == card.test_scores.windows
    assert all(count > 0 for count in card.test.count.values())


def test_wrong_signals_are_flagged_and_good_ones_are_not(card: ModelCard) -> None:
    good = {"test windows: false flags", "the healthy among them"}
    assert all(card.signals[name].either <= 0.01 for name in good)
    for name in card.signals.keys() - good:
        assert card.signals[name].either >= 0.99, name


def test_the_cards_numbers_can_be_reproduced(
    card: ModelCard, diagnoser: Diagnoser, real_recordings: list[Recording]
) -> None:
    windows = {recording.id: len(recording.windows()) for recording in real_recordings}
    if windows != {file.id: file.windows for file in card.data}:
        pytest.skip("CWRU_DATA holds other files than the network was trained on")
    split = random_split(real_recordings, card.seed)
    for part, starts in (
        (card.training, split.training),
        (card.validation, split.validation),
        (card.test, split.test),
    ):
        assert part.sha256 == fingerprint(real_recordings, starts)
    test = cut(real_recordings, split.test)
    np.testing.assert_array_equal(score(diagnoser, test).counts, card.test_scores.confusion)
    signals = flag_signals(diagnoser, test, Path(os.environ["CWRU_DATA"]), card.seed)
    assert signals == card.signals
    controls = run_controls(diagnoser, real_recordings, split.test)
    assert set(controls) == set(CONTROLS) == set(card.controls)
    for name, matrix in controls.items():
        np.testing.assert_array_equal(matrix.counts, card.controls[name].confusion)
