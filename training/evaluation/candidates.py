"""Choosing how to combine physics and network, inside the training recordings alone."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS
from model.physics import gate
from model.physics.baseline import Measurements
from model.physics.bearing import DRIVE_END
from model.physics.rule import Rule, decide
from model.physics.spectra import spectra
from training.evaluation.samples import Samples
from training.evaluation.views import VIEW_SETS, line_heights

LineScore = Literal["inner less outer", "each alone", "each less the other"]
"""The score of a race: the heights of its own lines, or those less the other race's."""

Silent = Literal["network", "Ball"]
"""What decides where physics does not: the network, or the label Ball."""

LINE_SCORES: Final[tuple[LineScore, ...]] = (
    "inner less outer",
    "each alone",
    "each less the other",
)

THRESHOLDS: Final = (2.0, 2.5, 3.0, 3.5)
"""Sigmas above which a race's line decides."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to diagnose: views, score, threshold, and what decides where physics does not."""

    views: str
    score: LineScore
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
        known = line_heights(healthy.windows, healthy.rpm, DRIVE_END)
        found = line_heights(tested.windows, tested.rpm, DRIVE_END)
        shape = gate.band_shape(spectra(healthy.windows).bands)
        self._distance = gate.distance(
            gate.band_shape(spectra(tested.windows).bands),
            shape.mean(axis=0),
            shape.std(axis=0, ddof=1),
        )
        self._rpm = tested.rpm
        self._sigmas = {
            (views, score): _sigmas(found[views], known[views], score)
            for views in VIEW_SETS
            for score in LINE_SCORES
        }

    def diagnose(self, candidate: Candidate, network: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probabilities (n, 4) of a candidate, given the network's (n, 4)."""
        sigmas = self._sigmas[candidate.views, candidate.score]
        measured = Measurements(sigmas, self._distance, self._rpm)
        silent = network if candidate.silent == "network" else always("Ball", len(network))
        return decide(measured, silent, Rule(race=candidate.threshold)).probabilities


def best(recalls: Mapping[Candidate, float]) -> Candidate:
    """Return the candidate of the highest macro recall; of equals, the first of the list."""
    return max(CANDIDATES, key=lambda candidate: recalls[candidate])


def always(label: str, windows: int) -> NDArray[np.float32]:
    """Return the probabilities (n, 4) of a method that always predicts `label`."""
    probabilities = np.zeros((windows, len(FAULT_LABELS)), np.float32)
    probabilities[:, FAULT_LABELS.index(label)] = 1
    return probabilities


def _sigmas(
    found: NDArray[np.float64], known: NDArray[np.float64], score: LineScore
) -> NDArray[np.float64]:
    """Return outer and inner (n, 3) in sigmas of the healthy windows; the ball's are 0."""
    of_found, of_known = _race_scores(found, score), _race_scores(known, score)
    sigmas = (of_found - of_known.mean(axis=0)) / of_known.std(axis=0, ddof=1)
    return np.column_stack([sigmas, np.zeros(len(sigmas))])


def _race_scores(heights: NDArray[np.float64], score: LineScore) -> NDArray[np.float64]:
    """Return the scores of outer and inner race (n, 2) from the heights of lines (n, 7)."""
    outer, inner = heights[:, :3].mean(axis=1), heights[:, 3:5].mean(axis=1)
    if score == "inner less outer":
        inner = inner - heights[:, :2].mean(axis=1)
    elif score == "each less the other":
        outer, inner = outer - heights[:, 3], inner - heights[:, :2].mean(axis=1)
    return np.column_stack([outer, inner])
