"""Decode and check a measurement: its headers, its rate, and its samples."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from bearing_stream.sampling import out_of_range, resampled_length
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from bearing_stream.wire import headers as h
from bearing_stream.wire.dead_letter import Rejection, RejectionReason
from bearing_stream.wire.limits import MeasurementLimits
from bearing_stream.wire.measurement import MeasurementAttributes
from bearing_stream.wire.trace import is_trace_parent
from bearing_stream.wire.values import samples_of

Reason = RejectionReason

REQUIRED: Final = (h.SPEC_VERSION, h.TYPE, h.SOURCE, h.ID, h.TIME, h.SUBJECT, h.SAMPLING_RATE)
"""Headers that every measurement must have."""

UNSUPPORTED: Final = {
    h.SPEC_VERSION: Reason.UNSUPPORTED_TYPE,
    h.TYPE: Reason.UNSUPPORTED_TYPE,
    h.SAMPLE_FORMAT: Reason.UNSUPPORTED_FORMAT,
    h.CONTENT_TYPE: Reason.UNSUPPORTED_FORMAT,
}
"""Headers whose invalid value has a rejection reason of its own."""

OPTIONAL: Final = (h.UNIT, h.CHANNEL, h.SHAFT_SPEED, h.FAULT_LABEL, h.TRACE_PARENT)
"""Headers without which a measurement can be diagnosed: an invalid value is ignored."""

_KNOWN: Final = frozenset(
    {field.alias for field in MeasurementAttributes.model_fields.values() if field.alias}
)

_validated: Final[Any] = MeasurementAttributes.__pydantic_validator__.validate_strings
"""What `model_validate_strings` calls, without a fifth of its time."""

MAX_HEADER_BYTES: Final = 4096
"""A known header with a longer value is rejected."""

STRUCTURED: Final = "application/cloudevents"
"""Begin of the content types of CloudEvents in structured and in batched mode."""

CHARSETS: Final = ("utf-8", "utf8", "us-ascii")
"""Charsets of JSON that the decoder reads."""

_FLOAT32: Final = float(np.finfo(np.float32).max)

DEFAULT_LIMITS: Final = MeasurementLimits()


def decode_measurement(
    headers: h.Headers | None, value: bytes | None, limits: MeasurementLimits = DEFAULT_LIMITS
) -> tuple[MeasurementAttributes, NDArray[Any]]:
    """Check a message, and return what it holds.

    Args:
        headers: As the Kafka client returns them; None if there are none.
        value: The message's value; None for a tombstone.
        limits: Of rate and length.

    Returns:
        The measurement's metadata, which names the optional headers that were ignored; and its
        samples (n,), finite and within float32, in the type of their format, of JSON float64. They
        may be a read-only view of `value`. They make at least one window.

    Raises:
        Rejection: The message is not a measurement that can be diagnosed. It has a reason from the
            closed list, and the expected and the actual content.
    """
    attributes = checked_attributes(headers, limits)
    return attributes, checked_samples(attributes, value, limits)


def checked_attributes(
    headers: h.Headers | None, limits: MeasurementLimits
) -> MeasurementAttributes:
    """Check the headers of a measurement; see `decode_measurement`."""
    attributes = _attributes(headers)
    _check_rate(attributes.sampling_rate, limits)
    return attributes


def checked_samples(
    attributes: MeasurementAttributes, value: bytes | None, limits: MeasurementLimits
) -> NDArray[Any]:
    """Check the value of a measurement with valid headers; see `decode_measurement`."""
    if value is None:
        raise Rejection(Reason.NO_VALUE, "expected samples, got a tombstone (no value)")
    samples = samples_of(attributes, value, limits)
    if attributes.sampling_rate < SAMPLING_RATE:
        _check_resampled(len(samples), attributes.sampling_rate, limits)
    if not is_finite(samples):
        raise Rejection(
            Reason.NON_FINITE, "expected finite samples within float32, got NaN or infinity"
        )
    # The first two samples hardly ever are equal; only then are all of them compared.
    if samples[0] == samples[1] and (samples == samples[0]).all():
        raise Rejection(
            Reason.FLAT_LINE, f"expected a vibration, got {len(samples)} times {samples[0]:g}"
        )
    return samples


def decode_window(
    headers: h.Headers | None, value: bytes | None, samples: NDArray[np.float32]
) -> MeasurementAttributes:
    """Check a message that holds exactly one window, and copy its samples into `samples`.

    Args:
        headers: As for `decode_measurement`, which reads windows too.
        value: The message's value.
        samples: Shape (2048,); overwritten.

    Returns:
        The metadata.

    Raises:
        Rejection: As for `decode_measurement`, or the message is a measurement of another rate or
            length.
    """
    attributes, found = decode_measurement(headers, value)
    if attributes.sampling_rate != SAMPLING_RATE:
        raise Rejection(
            Reason.WRONG_SAMPLING_RATE,
            f"expected {SAMPLING_RATE} Hz, got {attributes.sampling_rate}",
        )
    if len(found) != WINDOW_LENGTH:
        raise Rejection(Reason.WRONG_LENGTH, f"expected {WINDOW_LENGTH} samples, got {len(found)}")
    samples[:] = found
    return attributes


def _check_rate(rate: float, limits: MeasurementLimits) -> None:
    if why := out_of_range(rate, limits.min_sampling_rate, limits.max_sampling_rate):
        raise Rejection(Reason.WRONG_SAMPLING_RATE, why)


def _check_resampled(length: int, rate: float, limits: MeasurementLimits) -> None:
    """Raise if there are too many samples at 12 kHz; a lower rate makes more of them."""
    resampled = resampled_length(length, rate)
    if resampled > limits.max_samples:
        raise Rejection(
            Reason.WRONG_LENGTH,
            f"expected a measurement of at most {limits.max_samples} samples at {SAMPLING_RATE} "
            f"Hz, got one of {resampled}",
        )


def is_finite(samples: NDArray[Any]) -> bool:
    """Whether all samples are finite, and stay so as float32."""
    if samples.dtype.kind == "i":
        return True
    if samples.dtype == np.float32:
        # No zero byte: half of the time of `all`.
        return 0 not in np.isfinite(samples).tobytes()
    # NaN is not at most anything.
    return bool(np.abs(samples).max() <= _FLOAT32)


def _attributes(headers: h.Headers | None) -> MeasurementAttributes:
    found, ignored = _known_headers(headers or ())
    if h.CONTENT_TYPE in found:
        found[h.CONTENT_TYPE] = _media_type(found[h.CONTENT_TYPE])
    missing = [name for name in REQUIRED if name not in found]
    if h.SAMPLE_FORMAT not in found and found.get(h.CONTENT_TYPE) != h.JSON:
        missing.append(h.SAMPLE_FORMAT)
    if missing:
        raise Rejection(Reason.MISSING_HEADER, f"missing headers: {', '.join(missing)}")
    try:
        attributes: MeasurementAttributes = _validated(found)
    except ValidationError as error:
        ignored += _invalid_optional(found, error)
        for name in ignored:
            found.pop(name, None)
        attributes = _validated(found)
    if not ignored:
        return attributes
    return attributes.model_copy(update={"ignored": tuple(dict.fromkeys(ignored))})


def _known_headers(headers: Iterable[h.Header]) -> tuple[dict[str, str], list[str]]:
    """The known headers as text, and `traceparent` if it is invalid."""
    found: dict[str, str] = {}
    ignored: list[str] = []
    data_content_type = None
    for name, raw in headers:
        if name in _KNOWN:
            if name in found:
                raise Rejection(Reason.INVALID_HEADER, f"header {name} is repeated")
            # Nearly all: a call for each header would take as long as all the rest of this loop.
            plain = raw is not None and len(raw) <= MAX_HEADER_BYTES and raw.isascii()
            found[name] = raw.decode() if raw is not None and plain else _text(name, raw)
        elif name == h.TRACE_PARENT:
            if not is_trace_parent(raw):
                ignored.append(name)
        elif (lower := name.lower()) == h.DATA_CONTENT_TYPE:
            data_content_type = _text(name, raw)
        elif lower == h.CONTENT_TYPE:
            if lower in found:
                raise Rejection(Reason.INVALID_HEADER, f"header {lower} is repeated")
            found[lower] = _text(name, raw)
    if data_content_type is not None:
        found.setdefault(h.CONTENT_TYPE, data_content_type)
    return found, ignored


def _text(name: str, raw: bytes | None) -> str:
    """The text of a header; empty, and so invalid, if it is optional and not UTF-8."""
    if raw is None:
        return ""
    if len(raw) > MAX_HEADER_BYTES:
        raise Rejection(
            Reason.INVALID_HEADER,
            f"header {name} has {len(raw)} bytes; at most {MAX_HEADER_BYTES} are allowed",
        )
    try:
        return raw.decode()
    except UnicodeDecodeError:
        if name in OPTIONAL:
            return ""
        raise Rejection(Reason.INVALID_HEADER, f"header {name} is not UTF-8") from None


def _media_type(text: str) -> str:
    """The media type of a content type, in lower case and without parameters, as HTTP compares it.

    The text itself if it names a charset that is not read.
    """
    if text in (h.BINARY, h.JSON):
        return text
    media_type, *parameters = text.lower().split(";")
    media_type = media_type.strip()
    if media_type.startswith(STRUCTURED):
        raise Rejection(
            Reason.UNSUPPORTED_FORMAT,
            f"{text[:80]!r} is a CloudEvent in structured mode: send it in binary mode, with the "
            "attributes in headers (ce_id, …) and the samples as the value",
        )
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in CHARSETS:
            return text
    return media_type


def _invalid_optional(found: dict[str, str], error: ValidationError) -> list[str]:
    """The optional headers that are invalid.

    Raises:
        Rejection: Another header is invalid.
    """
    invalid = []
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(detail["loc"][0])
        if name not in OPTIONAL:
            reason = UNSUPPORTED.get(name, Reason.INVALID_HEADER)
            raise Rejection(reason, f"header {name}: {detail['msg']}; got {found[name][:80]!r}")
        invalid.append(name)
    return invalid
