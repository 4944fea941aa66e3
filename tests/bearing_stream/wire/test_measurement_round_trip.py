"""A measurement of any length and rate arrives as it was sent, in every format."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from bearing_stream.sampling import least_length
from bearing_stream.wire import (
    Measurement,
    MeasurementLimits,
    Rejection,
    RejectionReason,
    SampleFormat,
    decode_measurement,
    encode_measurement,
)
from bearing_stream.wire.headers import BINARY, JSON
from bearing_stream.wire.samples import SAMPLE_BYTES, SAMPLE_DTYPES

NOW = datetime(2026, 1, 31, tzinfo=UTC)
BITS = {"int16-le": 15, "int24-le": 23, "int32-le": 31}
RATES = st.sampled_from([12_000, 25_600, 48_000, 51_200]) | st.floats(11_880, 100_000)


def signal(sample_format: SampleFormat, length: int, seed: int) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    bits = BITS.get(sample_format)
    if bits:
        return rng.integers(-(2**bits), 2**bits, length).astype(SAMPLE_DTYPES[sample_format])
    made: NDArray[Any] = rng.standard_normal(length).astype(SAMPLE_DTYPES[sample_format])
    return made


@st.composite
def measurements(draw: st.DrawFn) -> tuple[Measurement, SampleFormat]:
    sample_format = draw(st.sampled_from(tuple(SAMPLE_DTYPES)))
    rate = draw(RATES)
    length = least_length(rate) + draw(st.integers(0, 9000))
    measurement = Measurement(
        source="/plant",
        id="1",
        sensor="pump-7",
        time=NOW,
        samples=signal(sample_format, length, draw(st.integers(0, 2**32))),
        sampling_rate=rate,
        unit=draw(st.sampled_from((None, "g", "m/s2", "counts"))),
        channel=draw(st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)),
    )
    return measurement, sample_format


@given(measurements(), st.booleans())
def test_samples_and_metadata_arrive_unchanged(
    sent: tuple[Measurement, SampleFormat], as_json: bool
) -> None:
    measurement, sample_format = sent
    message = encode_measurement(measurement, sample_format, JSON if as_json else BINARY)
    read, samples = decode_measurement(message.headers, message.value)
    assert (read.unit, read.channel, read.ignored) == (measurement.unit, measurement.channel, ())
    assert read.sampling_rate == measurement.sampling_rate
    np.testing.assert_array_equal(samples, measurement.samples)
    if not as_json:
        assert len(message.value or b"") == samples.size * SAMPLE_BYTES[sample_format]


@given(RATES, st.sampled_from(tuple(SAMPLE_DTYPES)), st.booleans(), st.integers(1, 500))
def test_a_measurement_shorter_than_a_window_is_rejected_with_the_least_length(
    rate: float, sample_format: SampleFormat, as_json: bool, missing: int
) -> None:
    least = least_length(rate)
    samples = signal(sample_format, least - missing, 0)
    message = encode_measurement(
        Measurement("/plant", "1", "pump-7", NOW, samples, rate),
        sample_format,
        JSON if as_json else BINARY,
    )
    with pytest.raises(Rejection, match=rf"expected {least} to .* at {rate:.10g} Hz") as caught:
        decode_measurement(message.headers, message.value)
    assert caught.value.reason is RejectionReason.WRONG_LENGTH


def test_rates_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="they are 8000 Hz and 6000 Hz"):
        MeasurementLimits(min_sampling_rate=8_000, max_sampling_rate=6_000)


def test_limits_are_settings() -> None:
    limits = MeasurementLimits(min_sampling_rate=6_000, max_sampling_rate=20_000, max_samples=3_000)

    def reason(length: int, rate: float, form: Any = BINARY) -> RejectionReason | None:
        samples = signal("float32-le", length, 0)
        message = encode_measurement(
            Measurement("/plant", "1", "pump-7", NOW, samples, rate), content_type=form
        )
        try:
            decode_measurement(message.headers, message.value, limits)
        except Rejection as rejection:
            return rejection.reason
        return None

    assert reason(1024, 6_000) is None
    assert reason(1024, 5_999) is RejectionReason.WRONG_SAMPLING_RATE
    assert reason(5_000, 20_001) is RejectionReason.WRONG_SAMPLING_RATE
    for form in (BINARY, JSON):
        assert reason(3_000, 12_000, form) is None
        assert reason(3_001, 12_000, form) is RejectionReason.WRONG_LENGTH
    # Resampled to 12 kHz it is longer.
    assert reason(1_500, 6_000) is None
    assert reason(1_501, 6_000) is RejectionReason.WRONG_LENGTH


@pytest.mark.parametrize("sample", [-(2**23) - 1, 2**23])
def test_a_sample_beyond_24_bits_is_not_sent(sample: int) -> None:
    samples = np.zeros(2048, np.int32)
    samples[7] = sample
    with pytest.raises(ValueError, match="24 bits"):
        encode_measurement(Measurement("/plant", "1", "pump-7", NOW, samples), "int24-le")


def test_24_bits_are_three_bytes_the_least_significant_first() -> None:
    samples = np.tile([1, -2], 1024)
    value = encode_measurement(Measurement("/plant", "1", "s", NOW, samples), "int24-le").value
    assert value is not None
    assert value[:6] == b"\x01\x00\x00\xfe\xff\xff"


@pytest.mark.parametrize(
    ("name", "raw"),
    [("ce_unit", b"mm/s"), ("ce_unit", b""), ("ce_channel", b""), ("ce_channel", b"x" * 1025)],
)
def test_an_invalid_unit_or_channel_is_ignored_and_named(name: str, raw: bytes) -> None:
    message = encode_measurement(Measurement("/p", "1", "s", NOW, signal("int16-le", 2048, 0)))
    read, _ = decode_measurement([*message.headers, (name, raw)], message.value)
    assert (read.ignored, read.unit, read.channel) == ((name,), None, None)


def test_int16_that_begins_like_gzip_is_read() -> None:
    samples = signal("int16-le", 4096, 0)
    samples[0] = int.from_bytes(b"\x1f\x8b", "little", signed=True)
    message = encode_measurement(Measurement("/p", "1", "s", NOW, samples), "int16-le")
    _, read = decode_measurement(message.headers, message.value)
    np.testing.assert_array_equal(read, samples)


@pytest.mark.parametrize("largest", [1e17, 1e19, 3.4e38, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("at", [0, 1000, 2047])
def test_float32_is_finite_or_rejected_and_never_warned_about(largest: float, at: int) -> None:
    samples = np.tile(np.array([1, -1], np.float32), 1024)
    samples[at] = largest
    message = encode_measurement(Measurement("/p", "1", "s", NOW, samples))
    if np.isfinite(largest):
        _, read = decode_measurement(message.headers, message.value)
        np.testing.assert_array_equal(read, samples)
    else:
        with pytest.raises(Rejection, match="finite"):
            decode_measurement(message.headers, message.value)


@pytest.mark.parametrize("held", [0x2620, 0x227B, 0x7B22, 0x2020, 0x0A0A])
@pytest.mark.parametrize("sample_format", ["int16-le", "int32-le"])
def test_a_level_that_is_held_is_no_text(held: int, sample_format: SampleFormat) -> None:
    level = held if sample_format == "int16-le" else held << 16 | held
    samples = np.full(4096, level, SAMPLE_DTYPES[sample_format])
    samples[3000:] = signal(sample_format, 1096, 0)
    message = encode_measurement(Measurement("/p", "1", "s", NOW, samples), sample_format)
    _, read = decode_measurement(message.headers, message.value)
    np.testing.assert_array_equal(read, samples)
