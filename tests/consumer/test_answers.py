"""A diagnosis says what was found, of which window, when and how fast."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from jsonschema import Draft202012Validator

from consumer.answers import Inference, diagnoses
from consumer.batch import Batch
from messages import Diagnosis, Message, ModelInfo, decode_diagnosis
from messages.schema import diagnosis_schema
from tests.consumer.fakes import FakeMessage, window
from vocabulary import FAULT_LABELS

MODEL = ModelInfo(name="bearing-cnn", version="0123456789ab", device="cpu")
STARTED, SECONDS, NOW = 1_700_000_000.250, 0.004, 1_700_000_000.260
STAMPED = 1_700_000_000_000
"""The window's Kafka timestamp, in milliseconds."""


def answered(
    probabilities: np.ndarray[tuple[int, int], np.dtype[np.float32]], model: ModelInfo = MODEL
) -> list[tuple[str, Diagnosis]]:
    messages = answer_messages(probabilities, model)
    return [decode_diagnosis(message.headers, message.value) for message in messages]


def answer_messages(
    probabilities: np.ndarray[tuple[int, int], np.dtype[np.float32]], model: ModelInfo = MODEL
) -> list[Message]:
    batch = Batch(capacity=64, max_delay=1.0)
    for number in range(len(probabilities)):
        message = window(number)._replace(timestamp=STAMPED)
        batch.add(FakeMessage(message, partition_number=3, offset_number=40 + number), 0.0)
    return list(diagnoses(batch, Inference(probabilities, STARTED, SECONDS, model), NOW))


LOGITS = npst.arrays(
    np.float32,
    st.tuples(st.integers(1, 20), st.just(4)),
    elements=st.floats(-30, 30, width=32),
)


@given(LOGITS)
def test_the_prediction_is_the_most_probable_label_and_probabilities_sum_to_one(
    logits: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> None:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    for row, (_, diagnosis) in zip(probabilities, answered(probabilities), strict=True):
        assert list(diagnosis.probabilities) == list(FAULT_LABELS)
        assert sum(diagnosis.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert diagnosis.probability == max(diagnosis.probabilities.values())
        assert diagnosis.probabilities[diagnosis.prediction] == diagnosis.probability
        assert list(diagnosis.probabilities.values()) == pytest.approx(row.tolist())


def test_latency_is_in_milliseconds_from_the_window_to_the_diagnosis() -> None:
    [(_, diagnosis)] = answered(np.eye(4, dtype=np.float32)[:1])
    latency = diagnosis.latency_ms
    assert (latency.queued, latency.inference, latency.total) == (250.0, 4.0, 260.0)


def test_it_says_which_window_and_what_made_it() -> None:
    [_, (_, diagnosis)] = answered(np.eye(4, dtype=np.float32)[:2])
    assert (diagnosis.window_id, diagnosis.source, diagnosis.sensor) == ("w000001", "/fake", "pump")
    place = diagnosis.input
    assert (place.topic, place.partition, place.offset) == ("bearing.windows", 3, 41)
    assert (diagnosis.model, diagnosis.batch_size) == (MODEL, 2)


def test_the_id_is_the_same_at_every_replay_and_another_for_another_model() -> None:
    probabilities = np.eye(4, dtype=np.float32)
    ids = [identity for identity, _ in answered(probabilities)]
    elsewhere = MODEL.model_copy(update={"device": "cuda"})
    other = MODEL.model_copy(update={"version": "another"})
    assert len(set(ids)) == 4
    assert [identity for identity, _ in answered(probabilities, elsewhere)] == ids
    assert not set(ids) & {identity for identity, _ in answered(probabilities, other)}


def test_it_is_what_the_committed_schema_says() -> None:
    validator = Draft202012Validator(json.loads(diagnosis_schema()))
    for message in answer_messages(np.eye(4, dtype=np.float32)):
        validator.validate(json.loads(message.value or b""))
