"""Diagnoses for the tests of `watch`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from bearing_stream.vocabulary import FAULT_LABELS, FaultLabel, QualityFlag
from bearing_stream.wire import (
    Input,
    Latency,
    Message,
    ModelInfo,
    PublishedDiagnosis,
    encode_diagnosis,
)


def diagnosis(
    sensor: str = "press-1",
    prediction: FaultLabel | Literal["Unknown"] = "Normal",
    truth: FaultLabel | None = None,
    latency: float = 5.0,
    window: str = "0",
    reasons: Sequence[QualityFlag] = (),
) -> PublishedDiagnosis:
    return PublishedDiagnosis(
        window_id=window,
        source="/rig",
        sensor=sensor,
        measured_at=datetime(2026, 1, 1, tzinfo=UTC),
        prediction=prediction,
        probability=0.97,
        probabilities={label: 0.97 if label == prediction else 0.01 for label in FAULT_LABELS},
        quality="uncertain" if reasons else "good",
        reasons=list(reasons),
        novelty=0.5,
        latency_ms=Latency(queued=1, inference=1, total=latency),
        batch_size=1,
        model=ModelInfo(name="m", version="1", device="cpu"),
        input=Input(topic="bearing.windows", partition=0, offset=0),
        fault_label=truth,
    )


def message(window: str, sensor: str = "press-1") -> Message:
    """Return a diagnosis whose `ce_id` and window id are `window`."""
    made = "2026-01-01T00:00:00.000000Z"
    return encode_diagnosis(diagnosis(sensor, window=window), window, made, [])
