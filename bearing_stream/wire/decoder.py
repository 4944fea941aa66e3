"""Decode and check a window: one copy of its samples, no Python loop over them."""

from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from bearing_stream.wire import headers as h
from bearing_stream.wire.dead_letter import Rejection, RejectionReason
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

_KNOWN: Final = frozenset(field.alias for field in WindowAttributes.model_fields.values())

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
        The window's metadata.

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
    found: dict[str, str] = {}
    for name, raw in headers or ():
        if name not in _KNOWN:
            continue
        if name in found:
            raise Rejection(Reason.INVALID_HEADER, f"header {name} is repeated")
        try:
            found[name] = (raw or b"").decode()
        except UnicodeDecodeError:
            raise Rejection(Reason.INVALID_HEADER, f"header {name} is not UTF-8") from None
    missing = [name for name in REQUIRED if name not in found]
    if h.SAMPLE_FORMAT not in found and found.get(h.CONTENT_TYPE) != h.JSON:
        missing.append(h.SAMPLE_FORMAT)
    if missing:
        raise Rejection(Reason.MISSING_HEADER, f"missing headers: {', '.join(missing)}")
    try:
        return WindowAttributes.model_validate_strings(found)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = str(detail["loc"][0])
        reason = UNSUPPORTED.get(name, Reason.INVALID_HEADER)
        raise Rejection(
            reason, f"header {name}: {detail['msg']}; got {found[name][:80]!r}"
        ) from None


def _copy_binary(attributes: WindowAttributes, value: bytes, samples: NDArray[np.float32]) -> None:
    dtype = SAMPLE_DTYPES[attributes.sample_format]
    if len(value) != WINDOW_LENGTH * dtype.itemsize:
        raise Rejection(
            Reason.WRONG_LENGTH,
            f"expected {WINDOW_LENGTH * dtype.itemsize} bytes ({WINDOW_LENGTH} samples of "
            f"{attributes.sample_format}), got {len(value)}",
        )
    found = np.frombuffer(value, dtype)
    if dtype.itemsize > samples.itemsize:
        # A value out of the range of float32 becomes infinite, and is rejected as non-finite.
        with np.errstate(over="ignore", invalid="ignore"):
            samples[:] = found
    else:
        samples[:] = found


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
        raise Rejection(
            Reason.INVALID_JSON,
            f'expected {{"record": [{WINDOW_LENGTH} numbers]}}; {where}: {detail["msg"]}',
        ) from None
    if len(record) != WINDOW_LENGTH:
        raise Rejection(
            Reason.WRONG_LENGTH,
            f"expected {WINDOW_LENGTH} numbers in 'record', got {len(record)}",
        )
    with np.errstate(over="ignore"):
        samples[:] = record
