"""The result of an assessment, as arrays over windows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PhysicalEvidence:
    """What physics says of n windows; a row of NaN where there is no baseline for the sensor.

    Args:
        sigmas: (n, 3), how far the lines of outer race, inner race and ball stand out, in standard
            deviations of the machine's healthy windows.
        rpm: (n,), shaft speed at which the lines were read.
        decided: (n,) bool, whether physics decided; else it is the network's opinion.
    """

    sigmas: NDArray[np.float64]
    rpm: NDArray[np.float64]
    decided: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What is said of n windows.

    Args:
        probabilities: (n, 4) float32, rows summing to 1, columns as `vocabulary.FAULT_LABELS`.
        novelty: (n,) float32, distance from what the network was trained on over the distance that
            is doubted: above 1 is novel.
        flags: (n, 5) bool, columns as `vocabulary.QUALITY_FLAGS`.
        evidence: Of physics, where it was asked for.
    """

    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]
    flags: NDArray[np.bool_]
    evidence: PhysicalEvidence | None = None

    @property
    def uncertain(self) -> NDArray[np.bool_]:
        """Whether there is any doubt of a window (n,)."""
        return np.asarray(self.flags.any(axis=1))
