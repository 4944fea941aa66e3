"""An assessment in the terms of a diagnosis, measurement by measurement."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from typing import Final, Literal, cast

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS, FaultLabel, QualityFlag
from model.assessment import Assessment, PhysicsAssessment
from model.physics.baseline import FOUND_BY, FoundBy

Prediction = Literal[FaultLabel, "Unknown"]
DecidedBy = Literal["physics", "network"]

EvidenceValues = tuple[float, float, float, float, float, FoundBy, DecidedBy]
"""The values of a `PhysicsFinding`, in its order."""


class PhysicsFinding(TypedDict):
    """The evidence of physics on one measurement, with the fields of `wire.Evidence`."""

    outer_sigma: float
    inner_sigma: float
    ball_sigma: float
    change_sigma: float
    shaft_speed: float
    speed_found_by: FoundBy
    decided_by: DecidedBy


class Finding(TypedDict):
    """The findings on one measurement, with the fields of `wire.Diagnosis` that hold them."""

    prediction: Prediction
    probability: float
    probabilities: dict[FaultLabel, float]
    quality: Literal["good", "uncertain"]
    reasons: list[QualityFlag]
    novelty: float
    evidence: PhysicsFinding | None
    """None where the network decides alone or the sensor has no baseline."""


@dataclass(frozen=True, slots=True, eq=False)
class FindingColumns:
    """The findings on n measurements: a list of n for each field of `Finding`.

    A quality is `uncertain` where there are reasons. `probabilities` are in the order of
    `FAULT_LABELS`. Lists of reasons are shared: they must not be changed.
    """

    prediction: list[Prediction]
    probability: list[float]
    probabilities: list[list[float]]
    reasons: list[list[QualityFlag]]
    novelty: list[float]
    evidence: list[EvidenceValues | None]


_FLAG_BITS: Final = 1 << np.arange(len(QUALITY_FLAGS))

_REASONS: Final[list[list[QualityFlag]]] = [
    list(compress(QUALITY_FLAGS, _FLAG_BITS & code)) for code in range(1 << len(QUALITY_FLAGS))
]
"""The reasons for each set of flags, by the sum of their bits."""

_DECIDERS: Final[tuple[DecidedBy, ...]] = ("network", "physics")


def finding_columns(assessment: Assessment, uncertain_as_unknown: bool = False) -> FindingColumns:
    """Return the findings on all measurements, in order.

    Args:
        assessment: Of the measurements.
        uncertain_as_unknown: Predict `Unknown` where a measurement has a quality flag.
    """
    shares = assessment.probabilities
    winners = _most_probable(assessment)
    prediction: list[Prediction] = [FAULT_LABELS[winner] for winner in winners.tolist()]
    reasons = [_REASONS[code] for code in (assessment.flags @ _FLAG_BITS).tolist()]
    if uncertain_as_unknown:
        labelled = zip(prediction, reasons, strict=True)
        prediction = ["Unknown" if flags else label for label, flags in labelled]
    return FindingColumns(
        prediction,
        shares[np.arange(len(shares)), winners].tolist(),
        shares.tolist(),
        reasons,
        assessment.novelty.tolist(),
        _evidence(assessment.evidence, len(shares)),
    )


def prediction_counts(
    assessment: Assessment, uncertain_as_unknown: bool = False
) -> Counter[Prediction]:
    """Return how many measurements have each prediction; arguments as for `finding_columns`."""
    winners = _most_probable(assessment)
    unknown = 0
    if uncertain_as_unknown:
        flagged = assessment.flags.any(axis=1)
        winners, unknown = winners[~flagged], int(flagged.sum())
    counts = np.bincount(winners, minlength=len(FAULT_LABELS)).tolist()
    return Counter({**dict(zip(FAULT_LABELS, counts, strict=True)), "Unknown": unknown})


def _most_probable(assessment: Assessment) -> NDArray[np.int64]:
    """Return the column of the most probable label of each measurement (m,)."""
    winners: NDArray[np.int64] = assessment.probabilities.argmax(axis=1)
    return winners


def findings(assessment: Assessment, uncertain_as_unknown: bool = False) -> Iterator[Finding]:
    """Yield the findings on each measurement, in order; arguments as for `finding_columns`."""
    found = finding_columns(assessment, uncertain_as_unknown)
    for prediction, probability, shares, reasons, novelty, evidence in zip(
        found.prediction,
        found.probability,
        found.probabilities,
        found.reasons,
        found.novelty,
        found.evidence,
        strict=True,
    ):
        yield {
            "prediction": prediction,
            "probability": probability,
            "probabilities": dict(zip(FAULT_LABELS, shares, strict=True)),
            "quality": "uncertain" if reasons else "good",
            "reasons": list(reasons),
            "novelty": novelty,
            "evidence": None if evidence is None else _finding(evidence),
        }


def _finding(evidence: EvidenceValues) -> PhysicsFinding:
    fields = zip(PhysicsFinding.__annotations__, evidence, strict=True)
    return cast("PhysicsFinding", dict(fields))


def _evidence(evidence: PhysicsAssessment | None, measurements: int) -> list[EvidenceValues | None]:
    if evidence is None:
        return [None] * measurements
    rows = zip(
        *evidence.sigmas.T.tolist(),
        evidence.change.tolist(),
        evidence.rpm.tolist(),
        [FOUND_BY[index] for index in evidence.found_by.tolist()],
        [_DECIDERS[by_physics] for by_physics in evidence.decided.tolist()],
        strict=True,
    )
    # NaN: the sensor has no baseline, or its lines cannot be read.
    known = np.isfinite(evidence.rpm).tolist()
    return [row if present else None for row, present in zip(rows, known, strict=True)]
