"""An assessment as fields of a diagnosis, window by window."""

from collections.abc import Iterator
from typing import Any, Literal

from typing_extensions import TypedDict

from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS, FaultLabel, QualityFlag
from model.assessment import Assessment, PhysicsAssessment
from model.physics.baseline import FOUND_BY, FoundBy


class PhysicsFinding(TypedDict):
    """The evidence of physics on one window, with the fields of `wire.Evidence`."""

    outer_sigma: float
    inner_sigma: float
    ball_sigma: float
    shaft_speed: float
    change_sigma: float
    speed_found_by: FoundBy
    decided_by: Literal["physics", "network"]


class Finding(TypedDict):
    """The findings on one window, with the fields of `wire.Diagnosis` that hold them."""

    prediction: FaultLabel | Literal["Unknown"]
    probability: float
    probabilities: dict[FaultLabel, float]
    quality: Literal["good", "uncertain"]
    reasons: list[QualityFlag]
    novelty: float
    evidence: PhysicsFinding | None
    """None where the network decides alone or the sensor has no baseline."""


def findings(assessment: Assessment, uncertain_as_unknown: bool = False) -> Iterator[Finding]:
    """Yield the findings on each window, in order.

    Args:
        assessment: Of the windows.
        uncertain_as_unknown: Predict `Unknown` where a window has a quality flag.
    """
    # Lists of numbers: indexing the arrays for each number takes longer than all the rest.
    rows = zip(
        assessment.probabilities.tolist(),
        assessment.probabilities.argmax(axis=1).tolist(),
        assessment.novelty.tolist(),
        _reasons(assessment),
        _evidence(assessment.evidence, len(assessment.novelty)),
        strict=True,
    )
    for probabilities, winner, novelty, reasons, evidence in rows:
        unknown = uncertain_as_unknown and reasons
        yield {
            "prediction": "Unknown" if unknown else FAULT_LABELS[winner],
            "probability": probabilities[winner],
            "probabilities": dict(zip(FAULT_LABELS, probabilities, strict=True)),
            "quality": "uncertain" if reasons else "good",
            "reasons": reasons,
            "novelty": novelty,
            "evidence": evidence,
        }


def _reasons(assessment: Assessment) -> list[list[QualityFlag]]:
    reasons: list[list[QualityFlag]] = [[] for _ in assessment.novelty]
    for row, column in zip(
        *(places.tolist() for places in assessment.flags.nonzero()), strict=True
    ):
        reasons[row].append(QUALITY_FLAGS[column])
    return reasons


def _evidence(evidence: PhysicsAssessment | None, windows: int) -> list[PhysicsFinding | None]:
    if evidence is None:
        return [None] * windows
    # Floats, an int and a bool a row, which numpy's types cannot express.
    rows: Iterator[Any] = zip(
        evidence.sigmas.tolist(),
        evidence.change.tolist(),
        evidence.rpm.tolist(),
        evidence.found_by.tolist(),
        evidence.decided.tolist(),
        strict=True,
    )
    return [
        {
            "outer_sigma": outer,
            "inner_sigma": inner,
            "ball_sigma": ball,
            "change_sigma": change,
            "shaft_speed": rpm,
            "speed_found_by": FOUND_BY[found_by],
            "decided_by": "physics" if decided else "network",
        }
        # NaN, which is not equal to itself: the sensor has no baseline.
        if rpm == rpm
        else None
        for (outer, inner, ball), change, rpm, found_by, decided in rows
    ]
