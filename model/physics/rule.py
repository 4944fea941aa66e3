"""The rule: a race fault is named by its lines, and the shape of the spectrum shows change.

Lines travel from machine to machine; shapes do not. So beyond the speeds of its baseline a machine
is judged by its lines alone, which must stand out more there. At its speeds, a window whose shape
is that of the healthy machine is Normal. What has changed and shows no race line is called a ball
fault, by exclusion: no evidence of physics identifies one. That finds nine of ten ball faults on
two rigs, and would misname any other change of the machine so; the height of the ball's own line
ranks ball faults hardly better than chance, and cannot separate the two.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bearing_stream.vocabulary import FAULT_LABELS
from model.physics.gate import GATE
from model.physics.measurements import Measurements

_BALL, _INNER, _NORMAL, _OUTER = (
    FAULT_LABELS.index(label) for label in ("Ball", "InnerRace", "Normal", "OuterRace")
)

_SMALLEST: Final = 1e-6
"""Lower bound of probabilities and of distances, so that their logarithms and ratios
are finite. float32 resolves no less next to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The thresholds beyond which physics decides.

    Args:
        race: Sigmas above which the line of a race decides.
        contested: The same where a network that was trained on the machine names another fault:
            this is best for bearings of the network's rig that it was not trained on.
        elsewhere: The same at speeds that the baseline does not hold. Of healthy windows at other
            speeds of one rig, 2.4 % have a line above 3.5 sigmas and 0.7 % one above 4.
        gate: Distance, in sigmas, beyond which a window is not healthy.
        softness: Scale, in sigmas, of the transition at a threshold: the rule's probabilities are
            logistic functions of the measurements, so that they rank windows.
    """

    race: float = 3.0
    contested: float = 3.5
    elsewhere: float = 4.0
    gate: float = GATE
    softness: float = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What the rule decided on n measurements.

    Args:
        probabilities: (n, 4), rows summing to 1, columns as the vocabulary's labels. The diagnosis
            is the highest.
        by_physics: (n,) bool, whether physics decided, with more than half of the weight; where
            not, the network did.
    """

    probabilities: NDArray[np.float64]
    by_physics: NDArray[np.bool_]


def decide(
    measured: Measurements, network: NDArray[np.float32] | None = None, rule: Rule | None = None
) -> Decision:
    """Decide on n measurements.

    Args:
        measured: Relative to the baseline.
        network: (n, 4), the probabilities of a network that was trained on this machine: it names
            the fault of what has changed and shows no race line. NaN where there is none, and None
            if there is none anywhere.
        rule: The thresholds.
    """
    rule = rule or Rule()
    if network is None:
        network = np.full((len(measured.rpm), len(FAULT_LABELS)), np.nan, np.float32)
    asked = ~np.isnan(network[:, 0])
    outer, inner = measured.sigmas[:, 0], measured.sigmas[:, 1]
    inside = np.where(asked, rule.contested, rule.race)
    threshold = np.where(measured.outside, rule.elsewhere, inside)
    race = expit((np.maximum(outer, inner) - threshold) / rule.softness)
    outer_of_races = expit((outer - inner) / rule.softness)
    change = np.log(np.maximum(measured.distance / rule.gate, _SMALLEST)) / rule.softness
    faulty = np.where(measured.outside, race, expit(change))
    silent = _silent(network, asked)
    named = np.where(measured.outside, 1.0, race)
    probabilities = silent * (1 - named)[:, None]
    probabilities[:, _OUTER] += named * outer_of_races
    probabilities[:, _INNER] += named * (1 - outer_of_races)
    probabilities *= faulty[:, None]
    probabilities[:, _NORMAL] += 1 - faulty
    by_physics = (named > 0.5) | (faulty < 0.5) | ~asked
    return Decision(probabilities, by_physics)


def _silent(network: NDArray[np.float32], asked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the probabilities (n, 4) of faults where no race line stands out."""
    silent = np.zeros(network.shape)
    silent[:, _BALL] = 1
    named = np.maximum(network[asked].astype(np.float64), _SMALLEST)
    named[:, _NORMAL] = 0
    silent[asked] = named / named.sum(axis=1, keepdims=True)
    return silent
