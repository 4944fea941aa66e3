"""What the consumer writes from rows is what the model of a diagnosis writes."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.wire import (
    DiagnosisRow,
    PublishedDiagnosis,
    decode_diagnosis,
    encode_diagnosis,
)
from tests.bearing_stream.wire.test_diagnosis import TEXT, TRACE_PARENT, diagnoses

MADE_AT = "2026-01-31T12:00:00.000000Z"

NUMBERS = {"outer_sigma", "change_sigma", "rms", "kurtosis", "velocity_rms", "novelty"}
"""Fields that may be set to a number that is not finite."""

HEADERS = st.lists(
    st.tuples(
        st.sampled_from(("ce_unit", "ce_channel", "ce_shaftspeed", "ce_faultlabel", "other")),
        st.none() | st.binary(max_size=8),
    )
    | st.tuples(st.just("traceparent"), st.sampled_from((TRACE_PARENT, b"x", None)))
)


def row_of(diagnosis: PublishedDiagnosis) -> DiagnosisRow:
    return msgspec.convert(diagnosis.model_dump(), DiagnosisRow)


def members(value: bytes | None) -> Any:
    """The JSON of a value, with the order of its members."""
    return json.loads(value or b"", object_pairs_hook=list)


@given(diagnoses(), TEXT, HEADERS)
def test_a_row_is_encoded_as_the_diagnosis_that_it_is_of(
    diagnosis: PublishedDiagnosis, identity: str, headers: list[tuple[str, bytes | None]]
) -> None:
    row = encode_diagnosis(row_of(diagnosis), identity, MADE_AT, headers)
    model = encode_diagnosis(diagnosis, identity, MADE_AT, headers)
    assert members(row.value) == members(model.value)
    assert row._replace(value=None) == model._replace(value=None)
    read_identity, read = decode_diagnosis(row.headers, row.value)
    assert (read_identity, read.model_dump()) == (identity, diagnosis.model_dump())


@given(diagnoses(), st.sampled_from((float("nan"), float("inf"), -float("inf"))))
def test_a_number_that_is_not_finite_is_null_as_the_model_writes_it(
    diagnosis: PublishedDiagnosis, number: float
) -> None:
    parts = (diagnosis, diagnosis.evidence, diagnosis.indicators)
    row = row_of(diagnosis)
    for of_model, of_row in zip(parts, (row, row.evidence, row.indicators), strict=True):
        for name in NUMBERS & set(of_row.__struct_fields__ if of_row else ()):
            # The model is frozen, and some of its fields refuse such numbers.
            of_model.__dict__[name] = number
            setattr(of_row, name, number)
    row_value = encode_diagnosis(row, "id", MADE_AT, []).value
    assert members(row_value) == members(encode_diagnosis(diagnosis, "id", MADE_AT, []).value)
