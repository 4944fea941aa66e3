"""The result of an assessment, as arrays over measurements."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PhysicsAssessment:
    """The evidence of physics on n measurements; a row of NaN where the sensor has no baseline.

    Args:
        sigmas: (n, 3), how far the lines of outer race, inner race and ball stand out, in standard
            deviations of the machine's healthy windows.
        rpm: (n,), shaft speed at which the lines were measured.
        decided: (n,) bool, whether physics decided; where not, the network did.
    """

    sigmas: NDArray[np.float64]
    rpm: NDArray[np.float64]
    decided: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """The assessment of n measurements, of one window each or of several.

    Args:
        probabilities: (n, 4) float32, rows summing to 1, columns as `vocabulary.FAULT_LABELS`.
        novelty: (n,) float32, the out-of-distribution score: distance from the windows that the
            network was trained on, over the limit fitted to them; the mean over the windows of a
            measurement. Above 1 is novel.
        flags: (n, 5) bool, columns as `vocabulary.QUALITY_FLAGS`.
        evidence: Of physics; None where the network decides alone.
    """

    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]
    flags: NDArray[np.bool_]
    evidence: PhysicsAssessment | None = None

    @property
    def uncertain(self) -> NDArray[np.bool_]:
        """Whether a measurement has any quality flag (n,)."""
        return np.asarray(self.flags.any(axis=1))
