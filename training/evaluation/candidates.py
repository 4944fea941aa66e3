"""Choosing how to combine physics and network, inside the training recordings alone."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS
from model.physics.baseline import fit
from model.physics.bearing import DRIVE_END
from model.physics.lines import OUTER_SHARE, line_heights
from model.physics.measurements import measure
from model.physics.rule import Rule, decide
from training.evaluation.samples import Samples
from training.evaluation.views import VIEW_SETS, envelopes

Silent = Literal["network", "Ball"]
"""What decides where physics does not: the network, or the label Ball."""

LINE_SCORES: Final = {
    "inner less a quarter of outer": OUTER_SHARE,
    "inner less half of outer": 0.5,
    "inner less outer": 1.0,
    "each alone": 0.0,
}
"""The score of the inner race: its height less a share of the outer race's."""

THRESHOLDS: Final = (2.0, 2.5, 3.0, 3.5)
"""Sigmas above which a race's line decides."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to diagnose: views, score, threshold, and what decides where physics does not."""

    views: str
    score: str
    threshold: float
    silent: Silent


_SILENT: Final[tuple[Silent, ...]] = ("network", "Ball")

CANDIDATES: Final = tuple(
    Candidate(views, score, threshold, silent)
    for views, score, threshold, silent in itertools.product(
        VIEW_SETS, LINE_SCORES, THRESHOLDS, _SILENT
    )
)
"""All candidates; of equals the first is chosen.

The list was written with knowledge of every fold: the nested choice is optimistic by that much.
"""


class LineMeasurements:
    """The lines of windows, measured for every candidate relative to healthy windows."""

    def __init__(self, healthy: Samples, tested: Samples) -> None:
        self._measured = measure(
            tested.windows,
            tested.rpm,
            fit(healthy.windows, healthy.rpm, DRIVE_END),
        )
        known, found = envelopes(healthy.windows), envelopes(tested.windows)
        self._sigmas = {
            (views, score): _sigmas(
                line_heights(found[views], tested.rpm, DRIVE_END, outer_share=share).heights,
                line_heights(known[views], healthy.rpm, DRIVE_END, outer_share=share).heights,
            )
            for views in VIEW_SETS
            for score, share in LINE_SCORES.items()
        }

    def diagnose(self, candidate: Candidate, network: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probabilities (n, 4) of a candidate, given the network's (n, 4)."""
        measured = replace(self._measured, sigmas=self._sigmas[candidate.views, candidate.score])
        silent = network if candidate.silent == "network" else None
        rule = Rule(race=candidate.threshold, contested=candidate.threshold)
        return decide(measured, silent, rule).probabilities


def best(recalls: Mapping[Candidate, float]) -> Candidate:
    """Return the candidate of the highest macro recall; of equals, the first of the list."""
    return max(CANDIDATES, key=lambda candidate: recalls[candidate])


def always(label: str, windows: int) -> NDArray[np.float32]:
    """Return the probabilities (n, 4) of a method that always predicts `label`."""
    probabilities = np.zeros((windows, len(FAULT_LABELS)), np.float32)
    probabilities[:, FAULT_LABELS.index(label)] = 1
    return probabilities


def _sigmas(found: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return heights (n, 3) in sigmas of those of the healthy windows."""
    sigmas: NDArray[np.float64] = (found - known.mean(axis=0)) / known.std(axis=0, ddof=1)
    return sigmas
