"""The rule that combines physics and network: physics decides where its evidence is clear."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bearing_stream.vocabulary import FAULT_LABELS
from model.physics.baseline import Measurements

_BALL, _INNER, _NORMAL, _OUTER = (
    FAULT_LABELS.index(label) for label in ("Ball", "InnerRace", "Normal", "OuterRace")
)

_SMALLEST: Final = 1e-6
"""Lower bound of the network's probabilities and of distances, so that their logarithms and ratios
are finite. float32 resolves no less next to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The thresholds beyond which physics decides.

    Args:
        race: Sigmas above which the line of a race decides.
        gate: Distance, in sigmas, beyond which a window is not healthy.
        softness: Scale, in sigmas, of the transition at a threshold: the rule's probabilities are
            logistic functions of the measurements, so that they rank windows.
    """

    race: float = 2.5
    gate: float = 3.0
    softness: float = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What the rule decided on n windows.

    Args:
        probabilities: (n, 4), rows summing to 1, columns as the vocabulary's labels. The diagnosis
            is the highest.
        by_physics: (n,) bool, whether gate or race line decided, with more than half of the weight;
            where not, the network did.
    """

    probabilities: NDArray[np.float64]
    by_physics: NDArray[np.bool_]


def decide(measured: Measurements, network: NDArray[np.float32], rule: Rule) -> Decision:
    """Combine the measurements and the network's prediction.

    A window near enough to the healthy ones is Normal. Of the others, one in which the line of a
    race stands out has its fault there. For the rest the network chooses among the faults, since
    physics cannot distinguish a ball fault from a race fault without a line.

    Args:
        measured: Measurements of n windows.
        network: (n, 4), the network's probabilities of the same windows.
        rule: The thresholds.
    """
    outer, inner = measured.sigmas[:, 0], measured.sigmas[:, 1]
    faulty = expit(np.log(np.maximum(measured.distance / rule.gate, _SMALLEST)) / rule.softness)
    race = expit((np.maximum(outer, inner) - rule.race) / rule.softness)
    outer_of_races = expit((outer - inner) / rule.softness)
    prediction = np.maximum(network.astype(np.float64), _SMALLEST)
    prediction[:, _NORMAL] = 0
    prediction /= prediction.sum(axis=1, keepdims=True)
    probabilities = prediction * (1 - race)[:, None]
    probabilities[:, _OUTER] += race * outer_of_races
    probabilities[:, _INNER] += race * (1 - outer_of_races)
    probabilities *= faulty[:, None]
    probabilities[:, _NORMAL] += 1 - faulty
    return Decision(probabilities, (race > 0.5) | (faulty < 0.5))
