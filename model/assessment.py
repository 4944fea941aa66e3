"""The result of an assessment, as arrays over measurements."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import QUALITY_FLAGS
from model.physics.lines import PARTS

_OF_DEFECTS: Final = [QUALITY_FLAGS.index(flag) for flag in ("dropout", "clipping")]
"""The columns of the flags that the fields of `sampling.Defects` set."""


@dataclass(frozen=True, slots=True, eq=False)
class PhysicsAssessment:
    """The evidence of physics on n measurements; NaN where the sensor has no baseline.

    Args:
        sigmas: (n, 3), how far the lines of outer race, inner race and ball stand out, in standard
            deviations of the machine's healthy windows.
        change: (n,), how far the shape of the spectrum is from the healthy windows', in the same.
        rpm: (n,), shaft speed at which the lines were measured.
        found_by: (n,), index of what the speed is from in `FOUND_BY`.
        decided: (n,) bool, whether physics decided; where not, the network did.
    """

    sigmas: NDArray[np.float64]
    change: NDArray[np.float64]
    rpm: NDArray[np.float64]
    found_by: NDArray[np.int64]
    decided: NDArray[np.bool_]

    @classmethod
    def none(cls, count: int) -> "PhysicsAssessment":
        """Return the evidence on measurements of sensors without a baseline."""
        return cls(
            sigmas=np.full((count, len(PARTS)), np.nan),
            change=np.full(count, np.nan),
            rpm=np.full(count, np.nan),
            found_by=np.zeros(count, np.int64),
            decided=np.zeros(count, np.bool_),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """The assessment of n measurements, of one window each or of several.

    Args:
        probabilities: (n, 4) float32, rows summing to 1, columns as `vocabulary.FAULT_LABELS`.
        novelty: (n,) float32, the out-of-distribution score: distance from the windows that the
            network was trained on, over the limit fitted to them; the mean over the windows of a
            measurement. Above 1 is novel.
        flags: (n, 7) bool, columns as `vocabulary.QUALITY_FLAGS`.
        evidence: Of physics; None where the network decides alone.
    """

    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]
    flags: NDArray[np.bool_]
    evidence: PhysicsAssessment | None = None

    def flag_defects(self, defects: NDArray[np.bool_]) -> None:
        """Flag the defects of the measurements: (n, 2) bool, columns as `sampling.Defects`."""
        self.flags[:, _OF_DEFECTS] |= defects

    @property
    def uncertain(self) -> NDArray[np.bool_]:
        """Whether a measurement has any quality flag (n,)."""
        return np.asarray(self.flags.any(axis=1))
