"""The verdict: physics where it speaks, the network where it is silent."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bearing_stream.vocabulary import FAULT_LABELS
from model.physics.baseline import Evidence

_BALL, _INNER, _NORMAL, _OUTER = (
    FAULT_LABELS.index(label) for label in ("Ball", "InnerRace", "Normal", "OuterRace")
)

_LEAST: Final = 1e-6
"""That is told apart from nothing, of the network's probabilities and of distances: float32 holds
no less beside 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Where physics decides.

    Args:
        race: Sigmas above which the line of a race decides.
        gate: Distance, in sigmas, beyond which a window is not healthy.
        softness: Sigmas over which one side goes over into the other: the rule's probabilities are
            logistic in the evidence, with this scale, so that they rank windows.
    """

    race: float = 2.5
    gate: float = 3.0
    softness: float = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What was decided of windows.

    Args:
        probabilities: (n, 4), rows summing to 1, columns as the vocabulary's labels. The diagnosis
            is the highest.
        physics: (n,) bool, whether gate or race line carries more than half of it; else it is the
            network's opinion.
    """

    probabilities: NDArray[np.float64]
    physics: NDArray[np.bool_]


def decide(evidence: Evidence, network: NDArray[np.float32], rule: Rule) -> Verdict:
    """Put the evidence and the network's opinion together.

    A window near enough to the healthy ones is Normal. Of the others, one in which the line of a
    race stands out has its fault there; and what is left is the network's among the faults, since
    no evidence of physics tells a ball from a race that shows no line.

    Args:
        evidence: Of n windows.
        network: (n, 4), the network's probabilities of the same windows.
        rule: Where physics decides.
    """
    outer, inner = evidence.sigmas[:, 0], evidence.sigmas[:, 1]
    faulty = expit(np.log(np.maximum(evidence.distance / rule.gate, _LEAST)) / rule.softness)
    race = expit((np.maximum(outer, inner) - rule.race) / rule.softness)
    outer_of_races = expit((outer - inner) / rule.softness)
    opinion = np.maximum(network.astype(np.float64), _LEAST)
    opinion[:, _NORMAL] = 0
    opinion /= opinion.sum(axis=1, keepdims=True)
    probabilities = opinion * (1 - race)[:, None]
    probabilities[:, _OUTER] += race * outer_of_races
    probabilities[:, _INNER] += race * (1 - outer_of_races)
    probabilities *= faulty[:, None]
    probabilities[:, _NORMAL] += 1 - faulty
    return Verdict(probabilities, (race > 0.5) | (faulty < 0.5))
