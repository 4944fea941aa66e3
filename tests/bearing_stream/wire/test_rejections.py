"""Every way in which a message can fail to be a window ends in a rejection, and in nothing else."""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import (
    DeadLetter,
    Headers,
    Rejection,
    RejectionReason,
    Window,
    decode_measurement,
    decode_window,
    encode_window,
)
from bearing_stream.wire.dead_letter import DECODER_REASONS
from bearing_stream.wire.headers import Message

R = RejectionReason


def good(form: Any = "application/octet-stream") -> Message:
    window = Window("/rig", "1", "s", datetime(2026, 1, 1, tzinfo=UTC), np.arange(WINDOW_LENGTH))
    return encode_window(window, content_type=form)


def with_header(name: str, raw: bytes | None) -> Message:
    message = good()
    kept = [header for header in message.headers if header[0] != name]
    return message._replace(headers=[*kept, (name, raw)])


def without_header(name: str, form: str = "application/octet-stream") -> Message:
    message = good(form)
    return message._replace(headers=[header for header in message.headers if header[0] != name])


def as_json(value: bytes) -> Message:
    return good("application/json")._replace(value=value)


def record(samples: Sequence[object]) -> Message:
    return as_json(json.dumps({"record": samples}).encode())


def with_sample(dtype: str, sample: float) -> Message:
    samples = np.ones(WINDOW_LENGTH, dtype)
    samples[1000] = sample
    name = {"<f4": b"float32-le", "<f8": b"float64-le"}[dtype]
    return with_header("ce_sampleformat", name)._replace(value=samples.tobytes())


def rejection(message: Message) -> Rejection:
    with pytest.raises(Rejection) as caught:
        decode_measurement(message.headers, message.value)
    return caught.value


STRUCTURED = b"application/cloudevents+json; charset=UTF-8"
FRAME = b"\0\0\0\0\x4d"
SAMPLES = good().value or b""
RECORD = good("application/json").value or b""
assert len(RECORD) % 4 == 2
GZIP = gzip.compress(np.random.default_rng(0).bytes(16_000))
GZIP += bytes(-len(GZIP) % 4)

CASES = [
    (R.MISSING_HEADER, good()._replace(headers=[]), ["ce_id", "ce_samplingrate"]),
    (R.MISSING_HEADER, without_header("ce_subject"), ["ce_subject"]),
    (R.MISSING_HEADER, without_header("ce_sampleformat"), ["ce_sampleformat"]),
    (R.MISSING_HEADER, without_header("content-type", "application/json"), ["ce_sampleformat"]),
    (R.INVALID_HEADER, with_header("ce_id", b"\xff\xfe"), ["ce_id", "UTF-8"]),
    (R.INVALID_HEADER, with_header("ce_id", None), ["ce_id", "''"]),
    (R.INVALID_HEADER, with_header("ce_subject", b"x" * 1025), ["ce_subject", "1024"]),
    (R.INVALID_HEADER, with_header("ce_time", b"yesterday"), ["ce_time", "yesterday"]),
    (R.INVALID_HEADER, with_header("ce_time", b"2026-01-01T00:00:00"), ["ce_time", "timezone"]),
    (R.INVALID_HEADER, with_header("ce_samplingrate", b"fast"), ["ce_samplingrate", "fast"]),
    (R.INVALID_HEADER, with_header("ce_samplingrate", b"nan"), ["ce_samplingrate", "nan"]),
    (R.INVALID_HEADER, with_header("ce_time", b"1" * 4097), ["ce_time", "4097", "at most 4096"]),
    (R.INVALID_HEADER, with_header("ce_faultlabel", b"x" * 4097), ["ce_faultlabel", "4097"]),
    (
        R.INVALID_HEADER,
        good()._replace(headers=[*good().headers, ("ce_id", b"2")]),
        ["ce_id", "is repeated"],
    ),
    (R.UNSUPPORTED_TYPE, with_header("ce_specversion", b"0.3"), ["ce_specversion", "1.0", "0.3"]),
    (R.UNSUPPORTED_TYPE, with_header("ce_type", b"other.v9"), ["window.v1", "other.v9"]),
    (R.UNSUPPORTED_FORMAT, with_header("ce_sampleformat", b"int24-be"), ["int16-le", "int24-be"]),
    (R.UNSUPPORTED_FORMAT, with_header("content-type", b"text/csv"), ["octet-stream", "text/csv"]),
    (R.UNSUPPORTED_FORMAT, with_header("content-type", STRUCTURED), ["structured", "binary mode"]),
    (
        R.UNSUPPORTED_FORMAT,
        Message(None, b"{}", [("Content-Type", STRUCTURED)]),
        ["structured", "binary mode"],
    ),
    (
        R.UNSUPPORTED_FORMAT,
        with_header("content-type", b"application/json; charset=utf-16"),
        ["content-type", "utf-16"],
    ),
    (R.WRONG_SAMPLING_RATE, with_header("ce_samplingrate", b"6000"), ["11880 to", "1024 samples"]),
    (R.WRONG_SAMPLING_RATE, with_header("ce_samplingrate", b"12"), ["11880", "nothing above 6 Hz"]),
    (R.WRONG_SAMPLING_RATE, with_header("ce_samplingrate", b"1e7"), ["to 1000000", "10000000"]),
    (R.NO_VALUE, good()._replace(value=None), ["samples", "tombstone"]),
    (R.NO_VALUE, good("application/json")._replace(value=None), ["tombstone"]),
    (R.WRONG_LENGTH, good()._replace(value=b""), ["8192 bytes", "got 0"]),
    (R.WRONG_LENGTH, good()._replace(value=bytes(4096)), ["8192 bytes", "float32-le", "4096"]),
    (R.WRONG_LENGTH, good()._replace(value=bytes(8194)), ["got 8194", "no multiple of 4"]),
    (R.WRONG_LENGTH, with_header("ce_samplingrate", b"48000"), ["8189 to", "48000 Hz"]),
    (R.WRONG_LENGTH, good()._replace(value=FRAME + SAMPLES), ["schema registry", "schema 77"]),
    (R.WRONG_LENGTH, good()._replace(value=gzip.compress(SAMPLES)), ["8192 bytes", "gzip"]),
    (R.WRONG_LENGTH, good()._replace(value=b"\x28\xb5\x2f\xfd" + SAMPLES[:96]), ["zstd"]),
    (R.WRONG_LENGTH, good()._replace(value=b'{"record": [1, 2]}'), ["seems to be JSON"]),
    (R.WRONG_LENGTH, good()._replace(value=bytes(4 * 2**21 + 4)), ["2048 to 2097152", "8388612"]),
    (R.UNSUPPORTED_FORMAT, good()._replace(value=b"\x28\xb5\x2f\xfd" + SAMPLES), ["zstd"]),
    (R.UNSUPPORTED_FORMAT, good()._replace(value=GZIP), ["float32-le", "gzip", "compression.type"]),
    (R.UNSUPPORTED_FORMAT, good()._replace(value=RECORD + b"  "), ["seems to be JSON"]),
    (R.UNSUPPORTED_FORMAT, good()._replace(value=b"0.25\t-1\r\n" * 2000), ["seems to be text"]),
    (R.WRONG_LENGTH, record([1.0] * 2047), ["2048 to", "12000 Hz", "got 2047"]),
    (R.WRONG_LENGTH, as_json(b" " * (2**27 + 1)), ["to 2097152", "134217729"]),
    (R.WRONG_LENGTH, as_json(b'{"a":[' + b"0," * 2**23 + b"0]}"), ["to 2097152", "16777225"]),
    (R.INVALID_JSON, as_json(b""), ["2048", "numbers", "EOF"]),
    (R.INVALID_JSON, as_json(b"\x00\x01"), ["2048"]),
    (R.INVALID_JSON, as_json(FRAME + RECORD), ["schema registry", "schema 77"]),
    (R.INVALID_JSON, as_json(gzip.compress(RECORD)), ["numbers", "gzip"]),
    (R.INVALID_JSON, as_json(b"\xef\xbb\xbf" + RECORD), ["byte order mark: send UTF-8 without"]),
    (R.INVALID_JSON, as_json(RECORD.decode().encode("utf-16")), ["UTF-16: send UTF-8"]),
    (R.INVALID_JSON, as_json(b"[1, 2]"), ["numbers", "object"]),
    (R.INVALID_JSON, as_json(b'{"records": []}'), ["numbers", "record: Field required"]),
    (R.INVALID_JSON, as_json(b'{"record": 1}'), ["numbers", "array"]),
    (R.INVALID_JSON, record([1.0] * 2047 + ["1.0"]), ["record.2047", "number"]),
    (R.INVALID_JSON, record([True] * 2048), ["record.0", "number"]),
    (R.INVALID_JSON, as_json(b'{"record":' + b"[" * 60_000), ["recursion"]),
    (R.NON_FINITE, with_sample("<f4", np.nan), ["finite", "NaN"]),
    (R.NON_FINITE, with_sample("<f4", -np.inf), ["finite"]),
    (R.NON_FINITE, with_sample("<f8", 1e39), ["float32"]),
    (R.NON_FINITE, record([1.0] * 2047 + [float("nan")]), ["finite"]),
    (R.NON_FINITE, record([1.0] * 2047 + [10**400]), ["finite"]),
    (R.FLAT_LINE, good()._replace(value=bytes(8192)), ["vibration", "2048 times 0"]),
    (R.FLAT_LINE, record([2.5] * 2048), ["vibration", "2048 times 2.5"]),
    # The bytes of this level are those of text.
    (R.FLAT_LINE, good()._replace(value=b"33S@" * 2048), ["vibration", "2048 times 3.3"]),
]


@pytest.mark.parametrize(
    ("reason", "message", "words"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)]
)
def test_a_rejection_has_a_reason_and_the_expected_and_actual_content(
    reason: RejectionReason, message: Message, words: list[str]
) -> None:
    rejected = rejection(message)
    assert rejected.reason == reason
    for word in words:
        assert word in rejected.detail
    assert "\n" not in rejected.detail
    assert len(rejected.detail) < 500


def test_every_reason_on_the_closed_list_occurs() -> None:
    assert {reason for reason, _, _ in CASES} == DECODER_REASONS


def test_no_headers_at_all_is_a_rejection_too() -> None:
    with pytest.raises(Rejection) as caught:
        decode_measurement(None, bytes(8192))
    assert caught.value.reason == R.MISSING_HEADER


NAMES = [name for name, _ in good().headers] + ["ce_shaftspeed", "ce_faultlabel", "traceparent"]
RAW = st.none() | st.binary(max_size=20) | st.text(max_size=20).map(lambda text: text.encode())
NUMBERS = st.floats().map(lambda number: repr(number).encode()) | st.integers().map(
    lambda number: str(number).encode()
)
TIMES = st.datetimes().map(lambda time: time.isoformat().encode() + b"Z")
GARBAGE_HEADERS = st.dictionaries(
    st.sampled_from(NAMES) | st.text(st.characters(codec="utf-8"), max_size=8),
    RAW | NUMBERS | TIMES,
    max_size=3,
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
)
VALUES = (
    st.none()
    | st.binary(max_size=64)
    | st.binary(min_size=8192, max_size=8192)
    | st.binary(min_size=4096, max_size=4096)
    | JSON_VALUES.map(lambda value: json.dumps({"record": value}).encode())
    | st.builds(
        lambda value, at: json.dumps(
            {"record": [0] * at + [value] + [0] * (2047 - at)}, ensure_ascii=False
        ).encode("utf-8", "surrogatepass"),
        JSON_VALUES,
        st.integers(0, 2047),
    )
)


@given(
    form=st.sampled_from(["application/octet-stream", "application/json"]),
    dropped=st.sets(st.sampled_from(NAMES), max_size=1),
    changed=GARBAGE_HEADERS,
    value=VALUES,
)
def test_garbage_is_rejected_or_read_and_nothing_else(
    form: str, dropped: set[str], changed: dict[str, bytes | None], value: bytes | None
) -> None:
    """Near misses: a good window with some headers lost or replaced, and any value."""
    kept: Headers = [
        (name, raw)
        for name, raw in good(form).headers
        if name not in dropped and name not in changed
    ]
    try:
        _, samples = decode_measurement(kept + list(changed.items()), value)
    except Rejection as rejected:
        letter = DeadLetter("t", 0, 0, rejected.reason, rejected.detail, Message(None, value, []))
        letter.message("group")
    else:
        assert np.isfinite(samples.astype(np.float32)).all()


@given(
    st.lists(st.tuples(st.text(max_size=16), RAW), max_size=6) | st.none(),
    st.none() | st.binary(max_size=200),
)
def test_what_is_not_like_a_window_is_rejected(
    headers: Headers | None, value: bytes | None
) -> None:
    with pytest.raises(Rejection):
        decode_measurement(headers, value)


LONGER = np.arange(WINDOW_LENGTH + 1)


@pytest.mark.parametrize(
    ("rate", "samples", "reason"),
    [(48_000, np.tile(LONGER, 4), R.WRONG_SAMPLING_RATE), (12_000, LONGER, R.WRONG_LENGTH)],
)
def test_a_longer_measurement_is_no_window(
    rate: float, samples: Any, reason: RejectionReason
) -> None:
    message = encode_window(
        Window("/rig", "1", "s", datetime(2026, 1, 1, tzinfo=UTC), samples, rate)
    )
    decode_measurement(message.headers, message.value)
    with pytest.raises(Rejection) as caught:
        decode_window(message.headers, message.value, np.empty(WINDOW_LENGTH, np.float32))
    assert caught.value.reason is reason
