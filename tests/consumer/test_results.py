"""A diagnosis holds the findings, its window, its time and its latency."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from jsonschema import Draft202012Validator

from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS, QualityFlag
from bearing_stream.wire import (
    Diagnosis,
    Evidence,
    Message,
    ModelInfo,
    PublishedDiagnosis,
    decode_diagnosis,
)
from consumer.batch import Batch
from consumer.results import Inference, diagnoses
from model.assessment import Assessment, PhysicsAssessment
from model.findings import findings
from model.indicators import Indicators, indicators
from tests.consumer.fakes import FakeMessage, window
from tools.docs.schema import diagnosis_schema

MODEL = ModelInfo(name="bearing-cnn", version="0123456789ab", device="cpu")
STARTED, SECONDS, NOW = 1_700_000_000.250, 0.004, 1_700_000_000.260
STAMPED = 1_700_000_000_000
"""The window's Kafka timestamp, in milliseconds."""


Array = np.ndarray[Any, np.dtype[np.float32]]


def assessed(
    probabilities: Array,
    first: Iterable[QualityFlag] = (),
    evidence: PhysicsAssessment | None = None,
) -> Assessment:
    """Every window has a novelty of 0.5, and the first these quality flags."""
    flags = np.zeros((len(probabilities), len(QUALITY_FLAGS)), np.bool_)
    flags[0] = [flag in first for flag in QUALITY_FLAGS]
    novelty = np.full(len(probabilities), 0.5, np.float32)
    return Assessment(probabilities, novelty, flags, evidence)


def decoded(
    assessment: Assessment | Array, model: ModelInfo = MODEL, as_unknown: bool = False
) -> list[tuple[str, Diagnosis]]:
    messages = messages_of(assessment, model, as_unknown)
    return [decode_diagnosis(message.headers, message.value) for message in messages]


def messages_of(
    assessment: Assessment | Array, model: ModelInfo = MODEL, as_unknown: bool = False
) -> list[Message]:
    if not isinstance(assessment, Assessment):
        assessment = assessed(assessment)
    batch = batch_of(len(assessment.novelty))
    measured = indicators(batch.samples)
    inference = Inference(assessment, measured, len(batch.samples), STARTED, SECONDS, model)
    return list(diagnoses(batch, inference, NOW, as_unknown))


def batch_of(windows: int) -> Batch:
    batch = Batch(capacity=64, max_delay=1.0)
    for number in range(windows):
        message = window(number)._replace(timestamp=STAMPED)
        batch.add(FakeMessage(message, partition_number=3, offset_number=40 + number), 0.0)
    return batch


LOGITS = npst.arrays(
    np.float32,
    st.tuples(st.integers(1, 20), st.just(4)),
    elements=st.floats(-30, 30, width=32),
)


@given(LOGITS)
def test_the_prediction_is_the_most_probable_label_and_probabilities_sum_to_one(
    logits: Array,
) -> None:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    for row, (_, diagnosis) in zip(probabilities, decoded(probabilities), strict=True):
        assert list(diagnosis.probabilities) == list(FAULT_LABELS)
        assert sum(diagnosis.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert diagnosis.probability == max(diagnosis.probabilities.values())
        assert diagnosis.prediction != "Unknown"
        assert diagnosis.probabilities[diagnosis.prediction] == diagnosis.probability
        assert list(diagnosis.probabilities.values()) == pytest.approx(row.tolist())


def test_latency_is_in_milliseconds_from_the_window_to_the_diagnosis() -> None:
    [(_, diagnosis)] = decoded(np.eye(4, dtype=np.float32)[:1])
    latency = diagnosis.latency_ms
    assert (latency.queued, latency.inference, latency.total) == (250.0, 4.0, 260.0)


def test_it_identifies_its_window_and_model() -> None:
    [_, (_, diagnosis)] = decoded(np.eye(4, dtype=np.float32)[:2])
    assert (diagnosis.window_id, diagnosis.source, diagnosis.sensor) == ("w000001", "/fake", "pump")
    origin = diagnosis.input
    assert (origin.topic, origin.partition, origin.offset) == ("bearing.windows", 3, 41)
    assert (diagnosis.model, diagnosis.batch_size) == (MODEL, 2)


def test_the_id_is_the_same_at_every_replay_and_another_for_another_model() -> None:
    probabilities = np.eye(4, dtype=np.float32)
    ids = [identity for identity, _ in decoded(probabilities)]
    on_cuda = MODEL.model_copy(update={"device": "cuda"})
    other = MODEL.model_copy(update={"version": "another"})
    assert len(set(ids)) == 4
    assert [identity for identity, _ in decoded(probabilities, on_cuda)] == ids
    assert not set(ids) & {identity for identity, _ in decoded(probabilities, other)}


EVIDENCE = PhysicsAssessment(
    sigmas=np.array([[4.5, -0.5, 1.0], [0.0, 0.25, 0.5], [np.nan] * 3, [0.0, 1.0, 2.0]]),
    change=np.array([9.0, 1.0, np.nan, 0.5]),
    rpm=np.array([1797.0, 1750.0, np.nan, 1772.0]),
    found_by=np.array([0, 1, 0, 2]),
    decided=np.array([True, False, False, False]),
)


@given(st.sets(st.sampled_from(QUALITY_FLAGS)))
def test_a_quality_flag_makes_a_diagnosis_uncertain_and_is_named(flags: set[QualityFlag]) -> None:
    [(_, first), (_, second)] = decoded(assessed(np.eye(4, dtype=np.float32)[:2], flags))
    assert set(first.reasons) == flags
    assert first.quality == ("uncertain" if flags else "good")
    assert (second.reasons, second.quality, second.novelty) == ([], "good", 0.5)
    assert (first.prediction, second.prediction) == ("Ball", "InnerRace")


def test_an_uncertain_prediction_is_unknown_if_requested() -> None:
    flagged = assessed(np.eye(4, dtype=np.float32)[:2], ["novelty"])
    [(_, first), (_, second)] = decoded(flagged, as_unknown=True)
    assert (first.prediction, first.probability, second.prediction) == ("Unknown", 1, "InnerRace")
    assert first.probabilities["Ball"] == 1


def test_evidence_is_present_where_physics_applied() -> None:
    found = decoded(assessed(np.eye(4, dtype=np.float32), evidence=EVIDENCE))
    first, second, third, _ = (diagnosis.evidence for _, diagnosis in found)
    assert first == Evidence(
        outer_sigma=4.5,
        inner_sigma=-0.5,
        ball_sigma=1,
        change_sigma=9,
        shaft_speed=1797,
        speed_found_by="stated",
        decided_by="physics",
    )
    assert second is not None
    assert second.decided_by == "network"
    assert third is None, "no baseline is known of its machine"
    alone = decoded(np.eye(4, dtype=np.float32))
    assert [diagnosis.evidence for _, diagnosis in alone] == [None] * 4


def test_it_conforms_to_the_committed_schema() -> None:
    validator = Draft202012Validator(json.loads(diagnosis_schema()))
    for message in messages_of(assessed(np.eye(4, dtype=np.float32), ["jump"], EVIDENCE)):
        validator.validate(json.loads(message.value or b""))


MEASURES = st.floats(allow_nan=False, allow_infinity=False)
SIZES = st.floats(0, 1e30)


@st.composite
def assessments(draw: st.DrawFn) -> tuple[Assessment, Indicators]:
    """Any result of as many windows, with evidence on some of them, or without."""
    count = draw(st.integers(1, 5))

    def numbers(elements: st.SearchStrategy[float], *shape: int) -> np.ndarray[Any, Any]:
        return draw(npst.arrays(np.float64, (count, *shape), elements=elements))

    shares = draw(npst.arrays(np.float32, (count, 4), elements=st.floats(0, 1, width=32)))
    flags = draw(npst.arrays(np.bool_, (count, len(QUALITY_FLAGS))))
    evidence = PhysicsAssessment(
        sigmas=numbers(MEASURES, 3),
        change=numbers(MEASURES),
        rpm=numbers(st.floats(1, 1e5)),
        found_by=draw(npst.arrays(np.int64, count, elements=st.integers(0, 2))),
        decided=draw(npst.arrays(np.bool_, count)),
    )
    none = draw(npst.arrays(np.bool_, count))
    evidence.sigmas[none] = evidence.change[none] = evidence.rpm[none] = np.nan
    velocity = numbers(SIZES)
    velocity[draw(npst.arrays(np.bool_, count))] = np.nan
    rms, peak, crest_factor, kurtosis = (numbers(SIZES) for _ in range(4))
    measured = Indicators(rms, peak, crest_factor, kurtosis, velocity)
    novelty = draw(npst.arrays(np.float32, count, elements=st.floats(0, 2.0**20, width=32)))
    known = draw(st.booleans())
    return Assessment(shares, novelty, flags, evidence if known else None), measured


@given(assessments(), st.booleans())
def test_what_is_published_is_what_the_model_of_a_diagnosis_holds(
    found: tuple[Assessment, Indicators], as_unknown: bool
) -> None:
    assessment, measured = found
    batch = batch_of(len(assessment.novelty))
    inference = Inference(assessment, measured, len(batch.samples), STARTED, SECONDS, MODEL)
    published = diagnoses(batch, inference, NOW, as_unknown)
    expected = zip(
        batch.accepted,
        findings(assessment, as_unknown),
        measured.fields(assessment.evidence),
        strict=True,
    )
    for message, (accepted, finding, fields) in zip(published, expected, strict=True):
        attributes = accepted.attributes
        model = PublishedDiagnosis.model_validate(
            finding
            | {
                "window_id": attributes.id,
                "source": attributes.source,
                "sensor": attributes.sensor,
                "measured_at": attributes.time,
                "windows": 1,
                "indicators": fields,
                "latency_ms": {"queued": 250.0, "inference": 4.0, "total": 260.0},
                "batch_size": len(batch.accepted),
                "model": MODEL,
                "input": {"topic": "bearing.windows", "partition": 3, "offset": accepted.offset},
            }
        )
        _, read = decode_diagnosis(message.headers, message.value)
        assert read.model_dump() == model.model_dump()
