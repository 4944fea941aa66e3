"""Metrics of probabilities, given the labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bearing_stream.vocabulary import FaultLabel
from training.novelty import calibration_error
from training.scoring import ConfusionMatrix, count

Probabilities = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FoldScores:
    """The scores of one method on the windows of one fold.

    Args:
        confusion: Windows by true and diagnosed class.
        macro_auroc: As `macro_auroc` returns it.
        calibration_error: Expected calibration error.
    """

    confusion: ConfusionMatrix
    macro_auroc: float
    calibration_error: float

    @property
    def recall(self) -> dict[FaultLabel, float]:
        """Share of each class's windows diagnosed right."""
        return self.confusion.recall

    @property
    def macro_recall(self) -> float:
        """Mean of the recalls: each class has the same weight, however few its windows."""
        return float(np.mean(list(self.recall.values())))


def fold_scores(probabilities: Probabilities, labels: NDArray[np.int64]) -> FoldScores:
    """Score probabilities (n, 4), given labels (n,), n ≥ 1; the highest is the diagnosis."""
    return FoldScores(
        count(probabilities, labels),
        macro_auroc(probabilities, labels),
        calibration_error(probabilities, labels),
    )


def macro_auroc(probabilities: Probabilities, labels: NDArray[np.int64]) -> float:
    """Return the mean over classes of the area under the ROC curve, each class against the rest.

    The area is the chance that a window of the class is given a higher probability of it than a
    window of another class, a tie counting half (Hanley and McNeil 1982, doi
    10.1148/radiology.143.1.7063747). Classes without windows, and a class of all windows,
    are left out; NaN where none remains.

    Args:
        probabilities: (n, classes).
        labels: (n,), index of the truth.
    """
    areas = []
    for label in range(probabilities.shape[1]):
        own = labels == label
        positives, others = int(own.sum()), int((~own).sum())
        if positives and others:
            ranks = rankdata(probabilities[:, label])[own].sum()
            areas.append((ranks - positives * (positives + 1) / 2) / (positives * others))
    return float(np.mean(areas)) if areas else float("nan")
