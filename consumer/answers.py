"""What the consumer says of a batch: a diagnosis for each of its windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from consumer.batch import Accepted, Batch
from messages import (
    Diagnosis,
    Input,
    Latency,
    Message,
    ModelInfo,
    diagnosis_id,
    encode_diagnosis,
    format_time,
)
from vocabulary import FAULT_LABELS


@dataclass(frozen=True, slots=True)
class Inference:
    """A forward pass.

    `probabilities` has shape (n, 4), columns in the order of `FAULT_LABELS`; `started_at` is in
    seconds since the epoch, `seconds` is how long it took, `model` is what made it.
    """

    probabilities: NDArray[np.float32]
    started_at: float
    seconds: float
    model: ModelInfo


def diagnoses(batch: Batch, inference: Inference, now: float) -> Iterator[Message]:
    """The messages for the diagnoses topic, in the order of the windows.

    Args:
        batch: Its accepted windows.
        inference: Its forward pass.
        now: Seconds since the epoch; the time of the diagnoses.
    """
    made_at = format_time(datetime.fromtimestamp(now, UTC))
    winners = inference.probabilities.argmax(axis=1).tolist()
    for window, row, winner in zip(
        batch.accepted, inference.probabilities.tolist(), winners, strict=True
    ):
        diagnosis = _diagnosis(window, row, winner, inference, now)
        identity = diagnosis_id(window.attributes, inference.model.name, inference.model.version)
        yield encode_diagnosis(diagnosis, identity, made_at, window.headers)


def _diagnosis(
    window: Accepted, row: list[float], winner: int, inference: Inference, now: float
) -> Diagnosis:
    attributes = window.attributes
    return Diagnosis(
        window_id=attributes.id,
        source=attributes.source,
        sensor=attributes.sensor,
        measured_at=attributes.time,
        prediction=FAULT_LABELS[winner],
        probability=row[winner],
        probabilities=dict(zip(FAULT_LABELS, row, strict=True)),
        latency_ms=Latency(
            queued=round(inference.started_at * 1e3 - window.timestamp, 3),
            inference=round(inference.seconds * 1e3, 3),
            total=round(now * 1e3 - window.timestamp, 3),
        ),
        batch_size=len(inference.probabilities),
        model=inference.model,
        input=Input(topic=window.topic, partition=window.partition, offset=window.offset),
        shaft_speed=attributes.shaft_speed,
        fault_label=attributes.fault_label,
    )
