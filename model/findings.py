"""An assessment in words, window by window: the one place where they are chosen."""

from collections.abc import Iterator
from typing import Any, Literal

from typing_extensions import TypedDict

from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS, FaultLabel, QualityFlag
from model.assessment import Assessment, PhysicalEvidence


class Evidence(TypedDict):
    """What the physics of the bearing says: as in a diagnosis over Kafka."""

    outer_sigma: float
    inner_sigma: float
    ball_sigma: float
    shaft_speed: float
    decided_by: Literal["physics", "network"]


class Finding(TypedDict):
    """What was found in a window; the fields of a diagnosis that say it are these."""

    prediction: FaultLabel | Literal["Unknown"]
    probability: float
    probabilities: dict[FaultLabel, float]
    quality: Literal["good", "uncertain"]
    reasons: list[QualityFlag]
    novelty: float
    evidence: Evidence | None
    """None where physics was not asked, or nothing is known of the machine."""


def findings(assessment: Assessment, uncertain_as_unknown: bool = False) -> Iterator[Finding]:
    """Yield what was found in each window, in order.

    Args:
        assessment: Of the windows.
        uncertain_as_unknown: Predict `Unknown` where there is a doubt.
    """
    # Lists of numbers, since asking the array for each takes longer than all the rest.
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


def _evidence(evidence: PhysicalEvidence | None, windows: int) -> list[Evidence | None]:
    if evidence is None:
        return [None] * windows
    # Numbers as numpy's types do not tell them: floats, and whether physics decided.
    rows: Iterator[Any] = zip(
        evidence.sigmas.tolist(), evidence.rpm.tolist(), evidence.decided.tolist(), strict=True
    )
    return [
        {
            "outer_sigma": outer,
            "inner_sigma": inner,
            "ball_sigma": ball,
            "shaft_speed": rpm,
            "decided_by": "physics" if decided else "network",
        }
        # NaN, which is not equal to itself: nothing is known of the machine.
        if rpm == rpm
        else None
        for (outer, inner, ball), rpm, decided in rows
    ]
