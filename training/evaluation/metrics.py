"""How good probabilities are, held against the truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bearing_stream.vocabulary import FAULT_LABELS, FaultLabel
from training.novelty import calibration_error
from training.scoring import ConfusionMatrix

Probabilities = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FoldScores:
    """How one method did on the windows of one fold.

    Args:
        confusion: (4, 4), windows of true class (row) diagnosed as class (column).
        macro_auroc: As `macro_auroc` gives it.
        calibration_error: Expected calibration error.
    """

    confusion: NDArray[np.int64]
    macro_auroc: float
    calibration_error: float

    @property
    def recall(self) -> dict[FaultLabel, float]:
        """Share of each class's windows diagnosed right."""
        return ConfusionMatrix(self.confusion).recall

    @property
    def macro_recall(self) -> float:
        """Mean of the recalls: each class counts the same, however few windows it has."""
        return float(np.mean(list(self.recall.values())))


def fold_scores(probabilities: Probabilities, labels: NDArray[np.int64]) -> FoldScores:
    """Hold probabilities (n, 4) against labels (n,), n ≥ 1; the diagnosis is the highest."""
    return FoldScores(
        confusion(probabilities, labels),
        macro_auroc(probabilities, labels),
        calibration_error(probabilities, labels),
    )


def confusion(probabilities: Probabilities, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count windows of true class (row) diagnosed as class (column), (4, 4)."""
    counts = np.zeros((len(FAULT_LABELS), len(FAULT_LABELS)), np.int64)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    return counts


def macro_auroc(probabilities: Probabilities, labels: NDArray[np.int64]) -> float:
    """Return the mean over classes of the area under the ROC curve, each class against the rest.

    The area is the chance that a window of the class is given a higher probability of it than a
    window of another class, half of a tie counting (Hanley and McNeil 1982, doi
    10.1148/radiology.143.1.7063747). Classes that no window or every window has are left out; NaN
    where that leaves none.

    Args:
        probabilities: (n, classes).
        labels: (n,), index of the truth.
    """
    areas = []
    for label in range(probabilities.shape[1]):
        own = labels == label
        count, others = int(own.sum()), int((~own).sum())
        if count and others:
            ranks = rankdata(probabilities[:, label])[own].sum()
            areas.append((ranks - count * (count + 1) / 2) / (count * others))
    return float(np.mean(areas)) if areas else float("nan")
