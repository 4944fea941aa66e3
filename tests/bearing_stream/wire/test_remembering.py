"""The decoder that remembers headers decodes as the one that does not."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.wire import (
    Headers,
    MeasurementAttributes,
    MeasurementLimits,
    Rejection,
    RememberingDecoder,
    decode_measurement,
)

TRACE_PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LIMITS = MeasurementLimits(max_samples=4000)

VALUES = {
    "ce_id": ("1", "w7", "", "ä", "x" * 1025),
    "ce_time": ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+01:00", "2026-01-31", "1769860800"),
    "ce_shaftspeed": ("1797", "1800.5", " 5", "-1", "nan", "0" * 5000 + "1"),
    "traceparent": (TRACE_PARENT, "x", ""),
    "ce_subject": ("pump-1", "pump-2"),
    "ce_samplingrate": ("12000", "11000", "9000"),
    "ce_unit": ("g", "counts", "inch"),
    "content-type": ("application/octet-stream", "Application/Octet-Stream; x=y", "text/plain"),
}
"""Header → values, the first valid; of most, others are too."""

CONSTANT = [
    ("ce_specversion", b"1.0"),
    ("ce_type", b"bearing.vibration.window.v1"),
    ("ce_source", b"/test"),
    ("ce_sampleformat", b"float32-le"),
]

LENGTHS = (2048, 10, 3800)
"""Of samples; the first is that of a window."""

RARELY = st.integers(0, 9).map(lambda number: number == 0)


@st.composite
def messages(draw: st.DrawFn) -> tuple[Headers, int]:
    """A measurement of one of a few sensors; now and then a header is wrong or not in its place."""
    optional = draw(st.sampled_from((set(), {"ce_shaftspeed"}, {"ce_shaftspeed", "traceparent"})))
    names = ["ce_id", "ce_time", "ce_subject", "ce_samplingrate", "ce_unit", *sorted(optional)]
    names += ["content-type"] * draw(RARELY)
    headers: Headers = list(CONSTANT)
    for name in names:
        values = VALUES[name]
        value = draw(st.sampled_from(values if draw(RARELY) else values[:2]))
        headers.append((name, value.encode()))
    if draw(RARELY):
        at, other = (draw(st.integers(0, len(headers) - 1)) for _ in range(2))
        name, raw = headers[at]
        headers[at] = draw(
            st.sampled_from(((name, None), (name, b"\xff"), (name.upper(), raw), headers[other]))
        )
        headers.insert(other, (draw(st.sampled_from(list(VALUES))), raw))
        del headers[draw(st.integers(0, len(headers) - 1))]
    return headers, draw(st.sampled_from(LENGTHS if draw(RARELY) else LENGTHS[:1]))


def decoded(decode: Any, *arguments: Any) -> Any:
    """What a decoder returns or raises, in a form that can be compared."""
    try:
        attributes, samples = decode(*arguments)
    except Rejection as rejection:
        return rejection.reason, rejection.detail
    assert isinstance(attributes, MeasurementAttributes)
    return repr(attributes), attributes.model_fields_set, samples.tolist()


@given(st.lists(messages(), max_size=12), st.sampled_from((1, 3, 100)))
def test_it_decodes_every_sequence_of_messages_as_each_alone(
    sent: list[tuple[Headers, int]], most: int
) -> None:
    remembering = RememberingDecoder(LIMITS, most)

    def decode(headers: Headers, value: bytes) -> tuple[MeasurementAttributes, Any]:
        attributes = remembering.attributes(headers)
        return attributes, remembering.samples(attributes, value)

    for headers, length in sent * 2:
        value = np.arange(length, dtype=np.float32).tobytes()
        found = decoded(decode, headers, value)
        assert found == decoded(decode_measurement, headers, value, LIMITS)
