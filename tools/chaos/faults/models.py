"""Two consumer groups with two models on the same topics, while the only broker is killed."""

import shutil
from pathlib import Path
from typing import Final

import numpy as np

import assets
from consumer.events import READY
from model.diagnoser import LABELS_FILE
from model.weight_files import WEIGHTS_FILE, load_weights
from model.weights import Weights
from tools.chaos.trial import Trial

SHIFT: Final = 1e-3
"""Added to every weight of the second model."""


def two_models(trial: Trial) -> None:
    """Kill the only broker, and start it again: both groups continue where each was.

    It recovers when both have published in every partition.
    """
    folder = trial.order.folder / "other-model"
    make_assets(folder)
    other = f"{trial.group}-other"
    members = (
        trial.consumer(),
        trial.consumer(f"--assets={folder.resolve()}", group=other),
    )
    trial.groups.append(other)
    trial.subscriber.models = len(members)
    trial.checks.versions = [member.events(READY)[0]["model"].split()[-1] for member in members]
    for _ in trial.moments():
        with trial.fault():
            trial.kafka.kill()
            trial.kafka.start()


def make_assets(folder: Path) -> None:
    """Make a folder with a model of another version than the one that ships."""
    folder.mkdir(parents=True, exist_ok=True)
    # Without the description of the windows trained on, which belongs to the other weights.
    shipped = Path(assets.__path__[0])
    shutil.copy(shipped / LABELS_FILE, folder)
    weights = load_weights(shipped)
    moved = {name: array + np.float32(SHIFT) for name, array in weights.arrays.items()}
    Weights(moved).save(folder / WEIGHTS_FILE)
