"""The results of a batch: a diagnosis of each of its windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bearing_stream.wire import (
    Message,
    ModelInfo,
    PublishedDiagnosis,
    diagnosis_id,
    encode_diagnosis,
    format_time,
)
from consumer.batch import Accepted, Batch
from model.assessment import Assessment
from model.findings import findings


@dataclass(frozen=True, slots=True)
class Inference:
    """The assessment of a batch.

    `started_at` is in seconds since the epoch, `seconds` is its duration, and `model` made it.
    """

    assessment: Assessment
    started_at: float
    seconds: float
    model: ModelInfo


def diagnoses(
    batch: Batch, inference: Inference, now: float, uncertain_as_unknown: bool = False
) -> Iterator[Message]:
    """Make the messages for the diagnoses topic, in the order of the windows.

    Args:
        batch: Its accepted windows.
        inference: Its assessment.
        now: Seconds since the epoch; the time of the diagnoses.
        uncertain_as_unknown: Predict `Unknown` for windows with a quality flag.
    """
    made_at = format_time(datetime.fromtimestamp(now, UTC))
    model = inference.model
    found = findings(inference.assessment, uncertain_as_unknown)
    for window, finding in zip(batch.accepted, found, strict=True):
        # One nested dict takes half the time of a separate pydantic model for each part.
        diagnosis = PublishedDiagnosis.model_validate(_context(window, inference, now) | finding)
        identity = diagnosis_id(window.attributes, model.name, model.version)
        yield encode_diagnosis(diagnosis, identity, made_at, window.headers)


def _context(window: Accepted, inference: Inference, now: float) -> dict[str, Any]:
    """Return the fields of a diagnosis that identify its window, model and time."""
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
