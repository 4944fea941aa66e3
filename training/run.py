"""From a folder of recordings to an assets folder: read, split, fit, score once, write."""

import dataclasses
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import escape
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from bearing_stream.recordings import Recording, RecordingError, cwru
from bearing_stream.vocabulary import FAULT_LABELS
from model import checkpoint
from model.diagnoser import LABELS_FILE, Diagnoser
from model.network import Network
from model.novelty import NOVELTY_FILE, Novelty
from model.weight_files import TORCH_FILE, WEIGHTS_FILE
from training.architecture import architecture
from training.card import Calibration, DataFile, ModelCard, data_files, scores_of, windows_of
from training.controls import run_controls
from training.figures import confusion_matrix, save, training_curves
from training.fit import Epoch, Fit, Recipe, fit
from training.flags import flag_signals
from training.markdown import markdown
from training.novelty import calibration_error, fit_novelty
from training.scoring import score
from training.split import Split, random_split
from training.windows import LabelledWindows, TrainingPool, cut

CARD_FILE: Final = "model_card.json"
SENSORS_FILE: Final = "sensors.toml"
"""The table of the sensors trained on, in a folder other than the project's assets."""

CARD_MARKDOWN_FILE: Final = "MODEL_CARD.md"

_LIBRARIES: Final = ("bearing-stream", "torch", "numpy", "scipy")


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A fitted network, its card, and its figures by file name."""

    fit: Fit
    novelty: Novelty
    card: ModelCard
    figures: dict[str, Figure]
    sensors: tuple[str, ...]
    """Of the recordings trained on."""

    def table(self) -> str:
        """Return a table of sensors that states which ones the network was trained on."""
        rows = [
            f"[[sensor]]\npattern = {json.dumps(escape(sensor))}\nnetwork = true\n"
            for sensor in self.sensors
        ]
        return "# The sensors that this network was trained on.\n\n" + "\n".join(rows)

    def write(self, out: Path) -> None:
        """Write all of it into a folder, created if missing; the weights come last."""
        out.mkdir(parents=True, exist_ok=True)
        for name, figure in self.figures.items():
            save(figure, out / name)
        write_card(self.card, out)
        (out / LABELS_FILE).write_text(json.dumps(FAULT_LABELS) + "\n", encoding="utf-8")
        self.novelty.save(out / NOVELTY_FILE)
        checkpoint.save(self.fit.network, out / TORCH_FILE)
        self.fit.network.weights().save(out / WEIGHTS_FILE)


def write_card(card: ModelCard, out: Path) -> None:
    """Write the model card into a folder, as JSON and as Markdown."""
    (out / CARD_MARKDOWN_FILE).write_text(markdown(card), encoding="utf-8")
    (out / CARD_FILE).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def train(
    folder: Path, seed: int, recipe: Recipe, report: Callable[[Epoch], None] | None = None
) -> Trained:
    """Train on the CWRU recordings of a folder; the test windows are diagnosed once, at the end.

    Args:
        folder: With files by the data center's names; all that it has are used.
        seed: Of the split and the fit.
        recipe: How to fit.
        report: Called after each epoch.

    Raises:
        RecordingError: There is no recording, or one cannot be read.
        ValueError: The recordings do not hold windows of every class to train on.
    """
    entries = cwru.present(folder)
    if not entries:
        raise RecordingError(f"{folder}: no CWRU recording there, such as 97.mat or 105.mat")
    recordings = list(cwru.load(folder, entries))
    split = random_split(recordings, seed)
    validation = cut(recordings, split.validation)
    pool = TrainingPool(recordings, split.held_out())
    fitted = fit(pool, validation, seed, recipe, report)
    novelty = fit_novelty(fitted.network, pool, validation, seed)
    data = data_files(folder, entries, recordings)
    card = _card(fitted, novelty, recordings, split, data, seed, recipe)
    test = cut(recordings, split.test)
    signals = flag_signals(Diagnoser(fitted.network.weights(), novelty), test, folder, seed)
    card = card.model_copy(update={"signals": signals})
    sensors = tuple(dict.fromkeys(recording.sensor for recording in recordings))
    return Trained(fitted, novelty, card, _figures(fitted, card, test), sensors)


def _card(
    fitted: Fit,
    novelty: Novelty,
    recordings: Sequence[Recording],
    split: Split,
    data: list[DataFile],
    seed: int,
    recipe: Recipe,
) -> ModelCard:
    """Score the fitted network, and describe it."""
    diagnoser = Diagnoser(fitted.network.weights(), novelty)
    validation, test = cut(recordings, split.validation), cut(recordings, split.test)
    controls = run_controls(diagnoser, recordings, split.test)
    return ModelCard(
        name=diagnoser.name,
        version=diagnoser.version,
        labels=diagnoser.labels,
        trained_on=datetime.now(UTC).date(),
        seed=seed,
        recipe=dataclasses.asdict(recipe),
        epochs=len(fitted.history),
        best_epoch=fitted.best + 1,
        validation_loss=fitted.history[fitted.best].validation_loss,
        libraries={"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
        data=data,
        training=windows_of(recordings, split.training),
        validation=windows_of(recordings, split.validation),
        test=windows_of(recordings, split.test),
        validation_scores=scores_of(score(diagnoser, validation)),
        test_scores=scores_of(score(diagnoser, test)),
        controls={name: scores_of(matrix) for name, matrix in controls.items()},
        novelty_limit=novelty.limit,
        temperature=novelty.temperature,
        calibration={
            "validation": _calibration(fitted.network, diagnoser, validation),
            "test": _calibration(fitted.network, diagnoser, test),
        },
    )


def _calibration(network: Network, diagnoser: Diagnoser, windows: LabelledWindows) -> Calibration:
    """Compare the probabilities of the network as fitted with those at the temperature."""
    before, after = (
        Diagnoser(network.weights()).diagnose(windows.windows),
        diagnoser.diagnose(windows.windows),
    )
    return Calibration(
        before=calibration_error(before, windows.labels),
        after=calibration_error(after, windows.labels),
    )


def _figures(fitted: Fit, card: ModelCard, test: LabelledWindows) -> dict[str, Figure]:
    """Draw the figures of the card, by file name."""
    example = int(np.argmax(test.labels == FAULT_LABELS.index("InnerRace")))
    truth = FAULT_LABELS[test.labels[example]]
    return {
        "training_curves.png": training_curves(fitted.history, fitted.best),
        "confusion_matrix.png": confusion_matrix(
            np.array(card.test_scores.confusion), "Test windows of bearings trained on"
        ),
        "architecture.png": architecture(fitted.network, test.windows[example], truth),
    }
