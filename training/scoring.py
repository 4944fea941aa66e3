"""Counting the right and wrong diagnoses of windows whose label is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from bearing_stream.vocabulary import FAULT_LABELS, FaultLabel
from model.diagnoser import Diagnoser
from training.windows import LabelledWindows


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionMatrix:
    """The counts of windows by true and diagnosed class, and the scores that follow from them.

    Args:
        counts: (4, 4), windows of true class (row) diagnosed as class (column), in the order of
            the vocabulary's labels.
    """

    counts: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of all windows diagnosed right; NaN of no windows."""
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def recall(self) -> dict[FaultLabel, float]:
        """Share of each class's windows diagnosed right, for the classes that have any."""
        return {label: right / windows for label, right, windows in self._by_class()}

    @property
    def recall_at_least(self) -> dict[FaultLabel, float]:
        """Lower bound of each class's recall at 95 % confidence, if its windows were independent.

        The one-sided exact bound of Clopper and Pearson (1934), Biometrika 26:404.
        """
        return {
            label: float(beta.ppf(0.05, right, windows - right + 1)) if right else 0.0
            for label, right, windows in self._by_class()
        }

    def _by_class(self) -> list[tuple[FaultLabel, int, int]]:
        """List the label, windows right and windows of each class that has any."""
        rows = zip(FAULT_LABELS, np.diag(self.counts), self.counts.sum(axis=1), strict=True)
        return [(label, int(right), int(windows)) for label, right, windows in rows if windows]


def score(diagnoser: Diagnoser, labelled: LabelledWindows) -> ConfusionMatrix:
    """Diagnose the windows as the service does, and count."""
    return count(diagnoser.diagnose(labelled.windows), labelled.labels)


def count(
    probabilities: NDArray[np.float32] | NDArray[np.float64], labels: NDArray[np.int64]
) -> ConfusionMatrix:
    """Count the windows with probabilities (n, 4) and labels (n,); the highest is the diagnosis."""
    counts = np.zeros((len(FAULT_LABELS), len(FAULT_LABELS)), dtype=np.int64)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    return ConfusionMatrix(counts)
