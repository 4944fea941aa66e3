"""The networks of folds, fitted once and kept."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from model import checkpoint
from model.network import Network
from training.evaluation.folds import Fold
from training.fit import Epoch, Recipe, fit
from training.windows import TrainingPool, cut


@dataclass(frozen=True, slots=True)
class Networks:
    """Fits networks to folds, or loads those that were kept.

    Args:
        folder: Of the fitted networks, named by a digest of all inputs of the fit.
        recipe: How to fit; windows of the training recordings stop the fitting, not those tested
            on.
    """

    folder: Path
    recipe: Recipe

    def of(self, fold: Fold, seed: int, report: Callable[[Epoch], None] | None = None) -> Network:
        """Return the network of a fold; `report` is called after each epoch, if it must be fitted.

        Raises:
            ValueError: The fold has no window of some class to train or to validate on.
            OSError: The folder cannot be written.
        """
        path = self.folder / f"{_key(fold, seed, self.recipe)}.pt"
        if path.is_file():
            return checkpoint.load(path)
        split = fold.split(seed)
        pool = pool_of(fold, seed)
        network = fit(pool, cut(fold.training, split.validation), seed, self.recipe, report).network
        self.folder.mkdir(parents=True, exist_ok=True)
        checkpoint.save(network, path)
        return network


def pool_of(fold: Fold, seed: int) -> TrainingPool:
    """Return the windows of a fold that may be trained on."""
    split = fold.split(seed)
    held_out = split.held_out() if fold.test is None else split.validation
    return TrainingPool(fold.training, held_out, fold.without)


def _key(fold: Fold, seed: int, recipe: Recipe) -> str:
    """Return a digest of all inputs of the fit."""
    settings = [
        seed,
        dataclasses.asdict(recipe),
        fold.test is None,
        fold.without,
        torch.__version__,
    ]
    sha256 = hashlib.sha256(json.dumps(settings).encode())
    for recording in fold.training:
        sha256.update(f"{recording.id} {recording.fault} {recording.samples.size}".encode())
        sha256.update(recording.samples.tobytes())
    return sha256.hexdigest()[:16]
