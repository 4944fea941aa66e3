"""A diagnosis on the wire: its schema, its headers and its identity."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS
from bearing_stream.wire import (
    Diagnosis,
    Headers,
    Input,
    Latency,
    MeasurementAttributes,
    ModelInfo,
    PublishedDiagnosis,
    Window,
    decode_diagnosis,
    decode_measurement,
    diagnosis_id,
    encode_diagnosis,
    encode_window,
    passed_on,
)
from bearing_stream.wire.diagnosis import (
    LineHeights,
    PublishedEvidence,
    PublishedIndicators,
)
from tests.paths import ASSETS
from tools.docs.schema import diagnosis_schema

SCHEMA = ASSETS / "diagnosis.schema.json"
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
SHARES = st.floats(0, 1)
TRACE_PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MS = st.floats(-1e9, 1e9)


EVIDENCE = st.builds(
    PublishedEvidence,
    outer_sigma=MS,
    inner_sigma=MS,
    ball_sigma=MS,
    change_sigma=st.none() | MS,
    shaft_speed=st.floats(0.1, 1e5),
    speed_found_by=st.sampled_from((None, "stated", "search", "baseline")),
    decided_by=st.sampled_from(("physics", "network")),
)


SIZES = st.floats(0, 1e38)
INDICATORS = st.builds(
    PublishedIndicators,
    rms=SIZES,
    peak=SIZES,
    crest_factor=SIZES,
    kurtosis=SIZES,
    velocity_rms=st.none() | SIZES,
    lines=st.none() | st.builds(LineHeights, outer=MS, inner=MS, ball=MS),
)


@st.composite
def diagnoses(draw: st.DrawFn) -> PublishedDiagnosis:
    shares = {label: draw(SHARES) for label in FAULT_LABELS}
    prediction = draw(st.sampled_from(FAULT_LABELS))
    reasons = draw(st.lists(st.sampled_from(QUALITY_FLAGS), unique=True))
    return PublishedDiagnosis(
        window_id=draw(TEXT),
        source=draw(TEXT),
        sensor=draw(TEXT),
        measured_at=draw(st.datetimes(datetime(1970, 1, 2), timezones=st.just(UTC))),
        prediction=draw(st.sampled_from((prediction, "Unknown"))),
        probability=shares[prediction],
        probabilities=shares,
        quality="uncertain" if reasons else "good",
        reasons=reasons,
        novelty=draw(st.floats(0, 1e6)),
        evidence=draw(st.none() | EVIDENCE),
        windows=draw(st.integers(1, 10**6)),
        indicators=draw(st.none() | INDICATORS),
        latency_ms=draw(st.builds(Latency, queued=MS, inference=MS, total=MS)),
        batch_size=draw(st.integers(1, 10**6)),
        model=draw(
            st.builds(ModelInfo, name=TEXT, version=TEXT, device=TEXT, backend=st.none() | TEXT)
        ),
        input=draw(st.builds(Input, topic=TEXT, partition=st.integers(0), offset=st.integers(0))),
        shaft_speed=draw(st.none() | st.floats(0.1, 1e5)),
        unit=draw(st.sampled_from((None, "g", "m/s2", "counts"))),
        channel=draw(st.none() | TEXT),
        fault_label=draw(st.sampled_from((None, *FAULT_LABELS))),
    )


EXAMPLE = PublishedDiagnosis(
    window_id="105/DE/000017",
    source="/cwru/105/DE",
    sensor="press-7",
    measured_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
    prediction="Ball",
    probability=0.75,
    probabilities={"Ball": 0.75, "InnerRace": 0.25, "Normal": 0.0, "OuterRace": 0.0},
    quality="uncertain",
    reasons=["mains-hum", "novelty"],
    novelty=1.5,
    evidence=PublishedEvidence(
        outer_sigma=0.5,
        inner_sigma=-1.0,
        ball_sigma=2.0,
        change_sigma=4.5,
        shaft_speed=1797,
        speed_found_by="search",
        decided_by="network",
    ),
    windows=5,
    indicators=PublishedIndicators(
        rms=0.25,
        peak=1.0,
        crest_factor=4.0,
        kurtosis=3.5,
        velocity_rms=1.5,
        lines=LineHeights(outer=0.5, inner=-1.0, ball=2.0),
    ),
    latency_ms=Latency(queued=3.5, inference=1.25, total=5.0),
    batch_size=64,
    model=ModelInfo(name="wdcnn", version="1", device="cpu", backend="native"),
    input=Input(topic="bearing.windows", partition=0, offset=17),
)


def attributes(source: str, identity: str) -> MeasurementAttributes:
    return MeasurementAttributes.model_validate_strings(
        {
            "ce_source": source,
            "ce_id": identity,
            "ce_time": "2026-01-31T12:00:00Z",
            "ce_subject": "s",
            "ce_samplingrate": "12000",
        }
    )


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert SCHEMA.read_text() == diagnosis_schema(), "run `python -m tools.docs`"


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


@given(diagnoses())
def test_every_diagnosis_validates_against_the_committed_schema(
    diagnosis: PublishedDiagnosis,
) -> None:
    value = encode_diagnosis(diagnosis, "id", "2026-01-31T12:00:00.000000Z", []).value
    assert value is not None
    validator().validate(json.loads(value))


@given(diagnoses(), TEXT)
def test_every_diagnosis_comes_back_as_it_went(
    diagnosis: PublishedDiagnosis, identity: str
) -> None:
    message = encode_diagnosis(diagnosis, identity, "2026-01-31T12:00:00.000000Z", [])
    read_identity, read = decode_diagnosis(message.headers, message.value)
    assert (read_identity, read.model_dump()) == (identity, diagnosis.model_dump())


TYPE = ("ce_type", b"bearing.diagnosis.v1")
ID = ("ce_id", b"1")


@pytest.mark.parametrize(
    ("headers", "value", "expected"),
    [
        (None, b"{}", "ce_type"),
        ([("ce_type", b"bearing.diagnosis.v2"), ID], b"{}", r"ce_type.*v1"),
        ([TYPE], b"{}", "ce_id"),
        ([TYPE, ("ce_id", None)], b"{}", "ce_id"),
        ([TYPE, ("ce_id", b"\xff")], b"{}", "utf-8"),
        ([TYPE, ID], None, "JSON"),
        ([TYPE, ID], b"\xff", "JSON"),
        ([TYPE, ID], b"{}", "Field required"),
    ],
)
def test_what_is_no_diagnosis_is_a_value_error(
    headers: Headers | None, value: bytes | None, expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        decode_diagnosis(headers, value)


@pytest.mark.parametrize(
    "change",
    [
        {"probability": 1.5},
        {"batch_size": 0},
        {"windows": 0},
        {"indicators": {"rms": -1}},
        {"novelty": -0.5},
        {"evidence": {"outer_sigma": 1}},
        {"measured_at": None},
    ],
)
def test_schema_and_models_refuse_the_same(change: dict[str, Any]) -> None:
    wrong = EXAMPLE.model_dump(mode="json") | change
    for model in (Diagnosis, PublishedDiagnosis):
        with pytest.raises(ValidationError):
            model.model_validate_json(json.dumps(wrong))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(SCHEMA.read_text()))


EVIDENCE_JSON = {"outer_sigma": 1, "inner_sigma": 1, "ball_sigma": 1, "shaft_speed": 1797}


@pytest.mark.parametrize(
    "change",
    [
        {"prediction": "Cage"},
        {"probabilities": {"Cage": 1.0}},
        {"quality": "bad"},
        {"reasons": ["mood"]},
        {"fault_label": "Cage"},
        {"evidence": EVIDENCE_JSON | {"decided_by": "vote"}},
        {"evidence": EVIDENCE_JSON | {"decided_by": "network", "cage_sigma": 1}},
        {"severity": "high"},
        {"unit": "mm/s"},
        {
            "indicators": {
                "rms": 1,
                "peak": 1,
                "crest_factor": 1,
                "kurtosis": 1,
                "skewness": 0,
            }
        },
    ],
)
def test_what_a_later_version_adds_is_read_and_not_written(change: dict[str, Any]) -> None:
    later = EXAMPLE.model_dump(mode="json") | change
    jsonschema.validate(later, json.loads(SCHEMA.read_text()))
    read = Diagnosis.model_validate_json(json.dumps(later))
    assert read.window_id == EXAMPLE.window_id
    with pytest.raises(ValidationError):
        PublishedDiagnosis.model_validate(later)


def test_the_headers_are_those_of_the_wire_contract() -> None:
    window: Headers = [
        ("ce_id", b"105/DE/000017"),
        ("ce_unit", b"g"),
        ("ce_channel", b"DE-x"),
        ("ce_shaftspeed", b"1796.0"),
        ("ce_faultlabel", b"Ball"),
        ("traceparent", TRACE_PARENT),
        ("team", b"x"),
    ]
    stated = {"shaft_speed": 1796.0, "fault_label": "Ball", "unit": "g", "channel": "DE-x"}
    labelled = EXAMPLE.model_copy(update=stated)
    message = encode_diagnosis(labelled, "abc", "2026-01-31T12:00:01.000000Z", passed_on(window))
    assert message.key == b"press-7"
    assert message.headers == [
        ("ce_specversion", b"1.0"),
        ("ce_type", b"bearing.diagnosis.v1"),
        ("content-type", b"application/json"),
        ("ce_source", b"/bearing-stream/consumer/wdcnn/1"),
        ("ce_id", b"abc"),
        ("ce_time", b"2026-01-31T12:00:01.000000Z"),
        ("ce_subject", b"press-7"),
        ("ce_unit", b"g"),
        ("ce_channel", b"DE-x"),
        ("ce_shaftspeed", b"1796.0"),
        ("ce_faultlabel", b"Ball"),
        ("traceparent", TRACE_PARENT),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"\xff",
        b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
        TRACE_PARENT[:-3],
        TRACE_PARENT.upper(),
        TRACE_PARENT + b"-" + b"x" * 80,
        TRACE_PARENT + b"\r\nx: y",
    ],
)
def test_what_is_ignored_is_not_passed_on(raw: bytes | None) -> None:
    samples = np.arange(2048, dtype=np.float32)
    message = encode_window(Window("/cwru", "1", "press-7", datetime.now(UTC), samples))
    headers: Headers = [
        *message.headers,
        ("ce_unit", b"furlong"),
        ("ce_channel", b""),
        ("ce_shaftspeed", b"0"),
        ("ce_faultlabel", b"Cage"),
        ("traceparent", raw),
        ("traceparent", TRACE_PARENT),
    ]
    attributes, _ = decode_measurement(headers, message.value)
    assert passed_on(headers, attributes.ignored) == [("traceparent", TRACE_PARENT)]


def test_the_value_is_the_json_of_the_wire_contract() -> None:
    value = encode_diagnosis(EXAMPLE, "abc", "2026-01-31T12:00:01.000000Z", []).value
    assert value is not None
    assert json.loads(value) == {
        "window_id": "105/DE/000017",
        "source": "/cwru/105/DE",
        "sensor": "press-7",
        "measured_at": "2026-01-31T12:00:00Z",
        "prediction": "Ball",
        "probability": 0.75,
        "probabilities": {"Ball": 0.75, "InnerRace": 0.25, "Normal": 0.0, "OuterRace": 0.0},
        "quality": "uncertain",
        "reasons": ["mains-hum", "novelty"],
        "novelty": 1.5,
        "evidence": {
            "outer_sigma": 0.5,
            "inner_sigma": -1.0,
            "ball_sigma": 2.0,
            "change_sigma": 4.5,
            "shaft_speed": 1797.0,
            "speed_found_by": "search",
            "decided_by": "network",
        },
        "windows": 5,
        "indicators": {
            "rms": 0.25,
            "peak": 1.0,
            "crest_factor": 4.0,
            "kurtosis": 3.5,
            "velocity_rms": 1.5,
            "lines": {"outer": 0.5, "inner": -1.0, "ball": 2.0},
        },
        "latency_ms": {"queued": 3.5, "inference": 1.25, "total": 5.0},
        "batch_size": 64,
        "model": {"name": "wdcnn", "version": "1", "device": "cpu", "backend": "native"},
        "input": {"topic": "bearing.windows", "partition": 0, "offset": 17},
        "shaft_speed": None,
        "unit": None,
        "channel": None,
        "fault_label": None,
    }


IDENTITIES = st.tuples(TEXT, TEXT, TEXT, TEXT)


@given(IDENTITIES, IDENTITIES)
def test_identities_are_the_same_only_for_the_same_window_and_model(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    def identity(source: str, window: str, model: str, version: str) -> str:
        return diagnosis_id(attributes(source, window), model, version)

    assert (identity(*one) == identity(*other)) == (one == other)
    assert identity(*one) == identity(*one)


def test_fields_do_not_run_into_each_other() -> None:
    assert diagnosis_id(attributes("a\0b", "c"), "m", "1") != diagnosis_id(
        attributes("a", "b\0c"), "m", "1"
    )


def test_an_identity_is_the_same_at_every_replay() -> None:
    """A golden value: if it changes, subscribers can no longer deduplicate old diagnoses."""
    identity = diagnosis_id(attributes("/cwru/105/DE", "105/DE/000017"), "wdcnn", "1")
    assert identity == "b34f08d0fea9624a2aaf582dfa821f2b"
