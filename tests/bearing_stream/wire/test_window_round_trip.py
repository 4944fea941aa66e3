"""What goes into `encode_window` comes out of `decode_window`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS, SAMPLING_RATE, WINDOW_LENGTH
from bearing_stream.wire import (
    SAMPLE_DTYPES,
    Headers,
    SampleFormat,
    Window,
    decode_window,
    encode_window,
    format_time,
)
from bearing_stream.wire.headers import BINARY, JSON

FORMATS: tuple[SampleFormat, ...] = tuple(SAMPLE_DTYPES)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
SPEEDS = st.floats(min_value=1e-3, max_value=1e6)
TIMES = st.datetimes(
    datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC) | st.just(timezone.max)
)


def not_flat(samples: NDArray[Any]) -> NDArray[Any]:
    """The samples with the last two made different: flat windows are rejected."""
    samples[-2:] = 1, 2
    return samples


FLOATS = npst.arrays(np.float32, WINDOW_LENGTH, elements=st.floats(-1e6, 1e6, width=32))
COUNTS = npst.arrays(np.int16, WINDOW_LENGTH)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    return Window(
        source=draw(NAMES),
        id=draw(NAMES),
        sensor=draw(NAMES),
        time=draw(TIMES),
        samples=draw((FLOATS | COUNTS).map(not_flat)),
        shaft_speed=draw(st.none() | SPEEDS),
        fault_label=draw(st.sampled_from((None, *FAULT_LABELS))),
    )


def empty() -> NDArray[np.float32]:
    return np.full(WINDOW_LENGTH, np.nan, np.float32)


@given(windows(), st.sampled_from(FORMATS), st.booleans())
def test_all_metadata_of_a_window_arrives(
    window: Window, sample_format: SampleFormat, as_json: bool
) -> None:
    if "int" in sample_format:
        window = replace(window, samples=not_flat(window.samples.astype(np.int16)))
    message = encode_window(window, sample_format, JSON if as_json else BINARY)
    samples = empty()
    read = decode_window(message.headers, message.value, samples)

    assert message.key == window.sensor.encode()
    assert (read.source, read.id, read.sensor) == (window.source, window.id, window.sensor)
    assert (read.time, read.sampling_rate) == (window.time, SAMPLING_RATE)
    assert (read.shaft_speed, read.fault_label) == (window.shaft_speed, window.fault_label)
    np.testing.assert_array_equal(samples, window.samples.astype(np.float32))


@given(
    npst.arrays(np.float64, WINDOW_LENGTH, elements=st.floats(-1e30, 1e30)).map(not_flat),
)
def test_float64_arrives_rounded_to_float32(recorded: NDArray[np.float64]) -> None:
    window = Window("/rig", "1", "s", datetime.now(UTC), recorded)
    for message in (encode_window(window, "float64-le"), encode_window(window, content_type=JSON)):
        samples = empty()
        decode_window(message.headers, message.value, samples)
        np.testing.assert_array_equal(samples, recorded.astype(np.float32))


@pytest.mark.parametrize("sample_format", FORMATS)
def test_samples_need_not_be_contiguous_in_memory(sample_format: SampleFormat) -> None:
    stereo = np.arange(2 * WINDOW_LENGTH, dtype=np.int16).reshape(-1, 2)
    window = Window("/rig", "1", "s", datetime.now(UTC), stereo[:, 1])
    message = encode_window(window, sample_format)
    samples = empty()
    decode_window(message.headers, message.value, samples)
    np.testing.assert_array_equal(samples, stereo[:, 1])


def test_the_headers_and_values_are_those_of_the_wire_contract() -> None:
    """A golden copy: a change here is a change for everyone who writes windows."""
    window = Window(
        source="/cwru/105/DE",
        id="105/DE/000017",
        sensor="press-7",
        time=datetime(2026, 1, 31, 13, 0, 0, 250, timezone(timedelta(hours=1))),
        samples=np.arange(WINDOW_LENGTH),
        shaft_speed=1796.25,
        fault_label="InnerRace",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    common: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_type", b"bearing.vibration.window.v1"),
        ("ce_source", b"/cwru/105/DE"),
        ("ce_id", b"105/DE/000017"),
        ("ce_time", b"2026-01-31T12:00:00.000250Z"),
        ("ce_subject", b"press-7"),
        ("ce_samplingrate", b"12000"),
        ("ce_shaftspeed", b"1796.25"),
        ("ce_faultlabel", b"InnerRace"),
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ]
    binary = encode_window(window, "int16-le")
    assert binary.key == b"press-7"
    own = [("content-type", b"application/octet-stream"), ("ce_sampleformat", b"int16-le")]
    assert sorted(binary.headers) == sorted([*common, *own])
    assert binary.value is not None
    assert len(binary.value) == 4096
    assert binary.value[:6] == b"\x00\x00\x01\x00\x02\x00"

    as_json = encode_window(window, content_type="application/json")
    assert sorted(as_json.headers) == sorted([*common, ("content-type", b"application/json")])
    assert as_json.value is not None
    assert as_json.value.startswith(b'{"record":[0.0,1.0,2.0,')


def test_what_is_not_known_has_no_header() -> None:
    window = Window("/rig", "1", "s", datetime.now(UTC), np.zeros(WINDOW_LENGTH))
    names = {name for name, _ in encode_window(window).headers}
    assert names.isdisjoint({"ce_shaftspeed", "ce_faultlabel", "traceparent"})


def test_other_headers_of_a_window_are_no_hindrance() -> None:
    window = Window("/rig", "1", "s", datetime.now(UTC), np.arange(WINDOW_LENGTH))
    message = encode_window(window)
    extra: Headers = [("team", b"\xff"), ("team", None), ("ce_dataschema", b"x"), ("", b"")]
    samples = empty()
    assert decode_window([*extra, *message.headers], message.value, samples).id == "1"


@given(TIMES)
def test_times_are_rfc_3339_in_utc_with_microseconds(time: datetime) -> None:
    text = format_time(time)
    assert text.endswith("Z")
    assert len(text) == len("2026-01-31T12:00:00.000000Z")
    assert datetime.fromisoformat(text) == time


def with_headers(form: Literal["application/octet-stream", "application/json"], **more: Any) -> Any:
    """The headers of a window, these in place of its own (`__` for `-`), and its value."""
    window = Window("/rig", "1", "s", datetime.now(UTC), np.arange(WINDOW_LENGTH), 12_000, 1797.0)
    message = encode_window(window, content_type=form)
    kept = [header for header in message.headers if header[0] not in {"content-type", *more}]
    return [*kept, *((name.replace("__", "-"), raw) for name, raw in more.items())], message.value


@pytest.mark.parametrize("name", ["content__type", "Content__Type", "ce_datacontenttype"])
@pytest.mark.parametrize(
    ("form", "written"),
    [
        (JSON, b"application/json"),
        (JSON, b"application/json; charset=utf-8"),
        (JSON, b'Application/JSON ;Charset="UTF-8"'),
        (BINARY, b"application/octet-stream"),
        (BINARY, b"APPLICATION/OCTET-STREAM;x=y"),
    ],
)
def test_a_content_type_is_compared_as_http_does(name: str, form: Any, written: bytes) -> None:
    samples = empty()
    headers, value = with_headers(form, **{name: written})
    assert decode_window(headers, value, samples).content_type == form
    np.testing.assert_array_equal(samples, np.arange(WINDOW_LENGTH))


@pytest.mark.parametrize("raw", [None, b"", b"0", b"-1", b"fast", b"nan", b"\xff"])
@pytest.mark.parametrize("name", ["ce_shaftspeed", "ce_faultlabel"])
def test_an_optional_header_that_is_invalid_is_ignored_and_named(
    name: str, raw: bytes | None
) -> None:
    headers, value = with_headers(BINARY, **{name: raw})
    read = decode_window(headers, value, empty())
    assert read.ignored == (name,)
    assert (read.shaft_speed if name == "ce_shaftspeed" else read.fault_label) is None
    assert (read.id, read.sensor) == ("1", "s")


def test_every_ignored_header_is_named_once() -> None:
    headers, value = with_headers(
        BINARY, ce_shaftspeed=b"0", ce_faultlabel=b"", traceparent=b"00-none"
    )
    read = decode_window([*headers, ("traceparent", b"again")], value, empty())
    assert sorted(read.ignored) == ["ce_faultlabel", "ce_shaftspeed", "traceparent"]
    assert read.shaft_speed is None


def test_valid_optional_headers_are_not_ignored() -> None:
    trace_parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers, value = with_headers(BINARY, ce_faultlabel=b"Ball", traceparent=trace_parent)
    read = decode_window(headers, value, empty())
    assert (read.ignored, read.shaft_speed, read.fault_label) == ((), 1797.0, "Ball")
