"""The results of a batch: a diagnosis of each of its measurements."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat

import numpy as np

from bearing_stream.wire import (
    DiagnosisRow,
    EvidenceRow,
    IndicatorsRow,
    InputRow,
    LatencyRow,
    LinesRow,
    Message,
    ModelInfo,
    ModelRow,
    SharesRow,
    diagnosis_id,
    encode_diagnosis,
    format_time,
)
from consumer.batch import Batch
from model.assessment import Assessment
from model.findings import finding_columns
from model.indicators import Indicators


@dataclass(frozen=True, slots=True)
class Inference:
    """The assessment of a batch.

    `indicators` are of the same measurements, `windows` is the number of their windows,
    `started_at` is in seconds since the epoch, `seconds` is the duration, and `model` made it.
    """

    assessment: Assessment
    indicators: Indicators
    windows: int
    started_at: float
    seconds: float
    model: ModelInfo


def diagnoses(
    batch: Batch, inference: Inference, now: float, uncertain_as_unknown: bool = False
) -> Iterator[Message]:
    """Make the messages for the diagnoses topic, in the order of the measurements.

    Args:
        batch: Its accepted measurements.
        inference: Its assessment.
        now: Seconds since the epoch; the time of the diagnoses.
        uncertain_as_unknown: Predict `Unknown` for measurements with a quality flag.
    """
    made_at = format_time(datetime.fromtimestamp(now, UTC))
    model = inference.model
    rows = _rows(batch, inference, now, uncertain_as_unknown)
    for measurement, row in zip(batch.accepted, rows, strict=True):
        identity = diagnosis_id(measurement.attributes, model.name, model.version)
        yield encode_diagnosis(row, identity, made_at, measurement.passed_on)


def _rows(
    batch: Batch, inference: Inference, now: float, uncertain_as_unknown: bool
) -> Iterator[DiagnosisRow]:
    found = finding_columns(inference.assessment, uncertain_as_unknown)
    model = ModelRow(**inference.model.model_dump())
    columns = zip(
        batch.accepted,
        found.prediction,
        found.probability,
        found.probabilities,
        found.reasons,
        found.novelty,
        found.evidence,
        _indicators(inference),
        _latencies(batch, inference, now),
        strict=True,
    )
    for (
        one,
        prediction,
        probability,
        shares,
        reasons,
        novelty,
        evidence,
        measured,
        latency,
    ) in columns:
        attributes = one.attributes
        yield DiagnosisRow(
            attributes.id,
            attributes.source,
            attributes.sensor,
            attributes.time,
            prediction,
            probability,
            SharesRow(*shares),
            "uncertain" if reasons else "good",
            reasons,
            novelty,
            None if evidence is None else EvidenceRow(*evidence),
            one.windows,
            measured,
            latency,
            inference.windows,
            model,
            InputRow(one.topic, one.partition, one.offset),
            attributes.shaft_speed,
            attributes.unit,
            attributes.channel,
            attributes.fault_label,
        )


def _latencies(batch: Batch, inference: Inference, now: float) -> Iterator[LatencyRow]:
    stamped = np.array([one.timestamp for one in batch.accepted], np.int64)
    queued = np.round(inference.started_at * 1e3 - stamped, 3).tolist()
    total = np.round(now * 1e3 - stamped, 3).tolist()
    return map(LatencyRow, queued, repeat(round(inference.seconds * 1e3, 3)), total)


def _indicators(inference: Inference) -> Iterator[IndicatorsRow]:
    found, evidence = inference.indicators, inference.assessment.evidence
    lines: Iterator[LinesRow | None] = repeat(None)
    if evidence is not None:
        # NaN, which is not equal to itself, where there is no evidence.
        lines = (LinesRow(*row) if row[0] == row[0] else None for row in evidence.sigmas.tolist())
    return map(
        IndicatorsRow,
        found.rms.tolist(),
        found.peak.tolist(),
        found.crest_factor.tolist(),
        found.kurtosis.tolist(),
        # Encoded as null where it is NaN.
        found.velocity_rms.tolist(),
        lines,
    )
