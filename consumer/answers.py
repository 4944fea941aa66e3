"""What the consumer says of a batch: a diagnosis for each of its windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assessment import Assessment, PhysicalEvidence
from consumer.batch import Accepted, Batch
from messages import (
    Diagnosis,
    Message,
    ModelInfo,
    diagnosis_id,
    encode_diagnosis,
    format_time,
)
from vocabulary import DOUBTS, FAULT_LABELS, Doubt


@dataclass(frozen=True, slots=True)
class Inference:
    """The assessment of a batch.

    `started_at` is in seconds since the epoch, `seconds` is how long it took, `model` is what made
    it.
    """

    assessment: Assessment
    started_at: float
    seconds: float
    model: ModelInfo


def diagnoses(
    batch: Batch, inference: Inference, now: float, uncertain_as_unknown: bool = False
) -> Iterator[Message]:
    """The messages for the diagnoses topic, in the order of the windows.

    Args:
        batch: Its accepted windows.
        inference: Its assessment.
        now: Seconds since the epoch; the time of the diagnoses.
        uncertain_as_unknown: Predict `Unknown` where there is a doubt.
    """
    made_at = format_time(datetime.fromtimestamp(now, UTC))
    model = inference.model
    findings = _findings(inference.assessment, uncertain_as_unknown)
    for window, finding in zip(batch.accepted, findings, strict=True):
        diagnosis = Diagnosis.model_validate(finding | _circumstances(window, inference, now))
        identity = diagnosis_id(window.attributes, model.name, model.version)
        yield encode_diagnosis(diagnosis, identity, made_at, window.headers)


def _findings(assessment: Assessment, uncertain_as_unknown: bool) -> Iterator[dict[str, Any]]:
    """Yield the fields of a diagnosis that say what was found.

    Fields go to the model as one nested dict, and arrays as lists: half the time of making a model
    of each part, and of asking the array for each number.
    """
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


def _reasons(assessment: Assessment) -> list[list[Doubt]]:
    reasons: list[list[Doubt]] = [[] for _ in assessment.novelty]
    for row, column in zip(
        *(places.tolist() for places in assessment.doubts.nonzero()), strict=True
    ):
        reasons[row].append(DOUBTS[column])
    return reasons


def _evidence(evidence: PhysicalEvidence | None, windows: int) -> list[dict[str, Any] | None]:
    if evidence is None:
        return [None] * windows
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
        for (outer, inner, ball), rpm, decided in zip(
            evidence.sigmas.tolist(), evidence.rpm.tolist(), evidence.decided.tolist(), strict=True
        )
    ]


def _circumstances(window: Accepted, inference: Inference, now: float) -> dict[str, Any]:
    """Return the fields of a diagnosis that say of which window it is, and when it was made."""
    attributes = window.attributes
    return {
        "window_id": attributes.id,
        "source": attributes.source,
        "sensor": attributes.sensor,
        "measured_at": attributes.time,
        "latency_ms": {
            "queued": round(inference.started_at * 1e3 - window.timestamp, 3),
            "inference": round(inference.seconds * 1e3, 3),
            "total": round(now * 1e3 - window.timestamp, 3),
        },
        "batch_size": len(inference.assessment.novelty),
        "model": inference.model,
        "input": {
            "topic": window.topic,
            "partition": window.partition,
            "offset": window.offset,
        },
        "shaft_speed": attributes.shaft_speed,
        "fault_label": attributes.fault_label,
    }
