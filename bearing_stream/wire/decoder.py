"""Decode and check a window: one copy of its samples, no Python loop over them."""

from collections.abc import Iterable
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from bearing_stream.wire import headers as h
from bearing_stream.wire.dead_letter import Rejection, RejectionReason
from bearing_stream.wire.misencoded import misencoding
from bearing_stream.wire.trace import is_trace_parent
from bearing_stream.wire.window import SAMPLE_DTYPES, WindowAttributes

Reason = RejectionReason

REQUIRED: Final = (h.SPEC_VERSION, h.TYPE, h.SOURCE, h.ID, h.TIME, h.SUBJECT, h.SAMPLING_RATE)
"""Headers that every window must have."""

UNSUPPORTED: Final = {
    h.SPEC_VERSION: Reason.UNSUPPORTED_TYPE,
    h.TYPE: Reason.UNSUPPORTED_TYPE,
    h.SAMPLE_FORMAT: Reason.UNSUPPORTED_FORMAT,
    h.CONTENT_TYPE: Reason.UNSUPPORTED_FORMAT,
}
"""Headers whose invalid value has a rejection reason of its own."""

OPTIONAL: Final = (h.SHAFT_SPEED, h.FAULT_LABEL, h.TRACE_PARENT)
"""Headers without which a window can be diagnosed: an invalid value is ignored."""

_KNOWN: Final = frozenset(
    {field.alias for field in WindowAttributes.model_fields.values() if field.alias}
)

MAX_HEADER_BYTES: Final = 4096
"""A known header with a longer value is rejected."""

STRUCTURED: Final = "application/cloudevents"
"""Begin of the content types of CloudEvents in structured and in batched mode."""

CHARSETS: Final = ("utf-8", "utf8", "us-ascii")
"""Charsets of JSON that the decoder reads."""

MAX_JSON_BYTES: Final = 64 * WINDOW_LENGTH
"""A longer JSON value is rejected unparsed; 2048 numbers of 17 digits need less than half."""


class _Record(BaseModel):
    """The JSON form of a value."""

    # Strict: a number in quotes, or `true`, is not accepted as a number.
    model_config = ConfigDict(strict=True)

    record: Annotated[list[float], FailFast(), Field(max_length=WINDOW_LENGTH + 1)]


def decode_window(
    headers: h.Headers | None, value: bytes | None, samples: NDArray[np.float32]
) -> WindowAttributes:
    """Check a message and copy its samples into `samples`.

    Args:
        headers: As the Kafka client returns them; None if there are none.
        value: The message's value; None for a tombstone.
        samples: Shape (2048,); overwritten, possibly also when the message is rejected.

    Returns:
        The window's metadata, which names the optional headers that were ignored.

    Raises:
        Rejection: The message is not a window that can be diagnosed. It has a reason from the
            closed list, and the expected and the actual content.
    """
    attributes = _attributes(headers)
    if attributes.sampling_rate != SAMPLING_RATE:
        raise Rejection(
            Reason.WRONG_SAMPLING_RATE,
            f"expected {SAMPLING_RATE} Hz, got {attributes.sampling_rate}: resample at the source",
        )
    if value is None:
        raise Rejection(Reason.NO_VALUE, "expected 2048 samples, got a tombstone (no value)")
    if attributes.content_type == h.BINARY:
        _copy_binary(attributes, value, samples)
    else:
        _copy_json(value, samples)
    if not np.isfinite(samples).all():
        raise Rejection(
            Reason.NON_FINITE, "expected finite samples within float32, got NaN or infinity"
        )
    # The first two samples hardly ever are equal; only then are all of them compared.
    if samples[0] == samples[1] and (samples == samples[0]).all():
        raise Rejection(
            Reason.FLAT_LINE, f"expected a vibration, got {WINDOW_LENGTH} times {samples[0]:g}"
        )
    return attributes


def _attributes(headers: h.Headers | None) -> WindowAttributes:
    found, ignored = _known_headers(headers or ())
    if h.CONTENT_TYPE in found:
        found[h.CONTENT_TYPE] = _media_type(found[h.CONTENT_TYPE])
    missing = [name for name in REQUIRED if name not in found]
    if h.SAMPLE_FORMAT not in found and found.get(h.CONTENT_TYPE) != h.JSON:
        missing.append(h.SAMPLE_FORMAT)
    if missing:
        raise Rejection(Reason.MISSING_HEADER, f"missing headers: {', '.join(missing)}")
    try:
        attributes = WindowAttributes.model_validate_strings(found)
    except ValidationError as error:
        ignored += _invalid_optional(found, error)
        for name in ignored:
            found.pop(name, None)
        attributes = WindowAttributes.model_validate_strings(found)
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
            found[name] = _text(name, raw)
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


def _copy_binary(attributes: WindowAttributes, value: bytes, samples: NDArray[np.float32]) -> None:
    dtype = SAMPLE_DTYPES[attributes.sample_format]
    if len(value) != WINDOW_LENGTH * dtype.itemsize:
        expected = WINDOW_LENGTH * dtype.itemsize
        detail = (
            f"expected {expected} bytes ({WINDOW_LENGTH} samples of {attributes.sample_format}), "
            f"got {len(value)}"
        )
        raise Rejection(Reason.WRONG_LENGTH, _with_hint(detail, misencoding(value, expected)))
    found = np.frombuffer(value, dtype)
    if dtype.itemsize > samples.itemsize:
        # A value out of the range of float32 becomes infinite, and is rejected as non-finite.
        with np.errstate(over="ignore", invalid="ignore"):
            samples[:] = found
    else:
        samples[:] = found


def _with_hint(detail: str, hint: str) -> str:
    return f"{detail}; {hint}" if hint else detail


def _copy_json(value: bytes, samples: NDArray[np.float32]) -> None:
    if len(value) > MAX_JSON_BYTES:
        raise Rejection(
            Reason.WRONG_LENGTH,
            f"expected at most {MAX_JSON_BYTES} bytes of JSON, got {len(value)}",
        )
    try:
        record = _Record.model_validate_json(value).record
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if detail["type"] == "too_long":
            raise Rejection(
                Reason.WRONG_LENGTH, f"expected {WINDOW_LENGTH} numbers in 'record', got more"
            ) from None
        where = ".".join(map(str, detail["loc"])) or "value"
        expected = f'expected {{"record": [{WINDOW_LENGTH} numbers]}}; {where}: {detail["msg"]}'
        raise Rejection(Reason.INVALID_JSON, _with_hint(expected, misencoding(value))) from None
    if len(record) != WINDOW_LENGTH:
        raise Rejection(
            Reason.WRONG_LENGTH,
            f"expected {WINDOW_LENGTH} numbers in 'record', got {len(record)}",
        )
    with np.errstate(over="ignore"):
        samples[:] = record
