"""The samples of a value, binary or JSON, after checks of its length: no Python loop over them."""

from functools import lru_cache
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, create_model

from bearing_stream.sampling import least_length
from bearing_stream.wire import headers as h
from bearing_stream.wire.dead_letter import Rejection, RejectionReason
from bearing_stream.wire.limits import MeasurementLimits
from bearing_stream.wire.measurement import MeasurementAttributes
from bearing_stream.wire.misencoded import is_suspect, misencoding
from bearing_stream.wire.samples import SAMPLE_BYTES, unpack

Reason = RejectionReason

MAX_NUMBER_BYTES: Final = 64
"""Of a number in JSON, on average, with what is between two; numbers of 17 digits need less than
half. A longer value is rejected unparsed."""


def samples_of(
    attributes: MeasurementAttributes, value: bytes, limits: MeasurementLimits
) -> NDArray[Any]:
    """Return the samples (n,) of a value, not checked to be finite.

    Raises:
        Rejection: The value has another form, or n is too small or too large.
    """
    if attributes.content_type == h.BINARY:
        return _from_binary(attributes, value, limits)
    return _from_json(attributes, value, limits)


def _from_binary(
    attributes: MeasurementAttributes, value: bytes, limits: MeasurementLimits
) -> NDArray[Any]:
    sample_format = attributes.sample_format
    size = SAMPLE_BYTES[sample_format]
    length, rest = divmod(len(value), size)
    least = least_length(attributes.sampling_rate)
    if rest or not least <= length <= limits.max_samples:
        detail = (
            f"expected {_lengths(least, limits)} samples of {sample_format} at "
            f"{attributes.sampling_rate:.10g} Hz, {least * size} bytes or more, got {len(value)}"
        )
        if rest:
            detail += f", which is no multiple of {size}"
        raise Rejection(Reason.WRONG_LENGTH, _with_hint(detail, misencoding(value, size)))
    if is_suspect(value) and (hint := misencoding(value, size)):
        detail = f"expected samples of {sample_format}"
        raise Rejection(Reason.UNSUPPORTED_FORMAT, _with_hint(detail, hint))
    return unpack(value, sample_format)


def _from_json(
    attributes: MeasurementAttributes, value: bytes, limits: MeasurementLimits
) -> NDArray[np.float64]:
    least = least_length(attributes.sampling_rate)
    expected = f"{_lengths(least, limits)} numbers"
    # The parser holds all of a value before it is validated. Counted first, that stays small; twice
    # the numbers, since a value may have other keys.
    if (
        len(value) > MAX_NUMBER_BYTES * limits.max_samples
        or value.count(b",") > 2 * limits.max_samples
    ):
        detail = f"expected {expected} in 'record', got {len(value)} bytes of JSON"
        raise Rejection(Reason.WRONG_LENGTH, detail)
    try:
        parsed = _record(limits.max_samples).model_validate_json(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if found["type"] == "too_long":
            detail = f"expected {expected} in 'record', got more"
            raise Rejection(Reason.WRONG_LENGTH, detail) from None
        where = ".".join(map(str, found["loc"])) or "value"
        detail = f'expected {{"record": [{expected}]}}; {where}: {found["msg"]}'
        hint = misencoding(value)
        raise Rejection(Reason.INVALID_JSON, _with_hint(detail, hint)) from None
    numbers: list[float] = parsed.record  # type: ignore[attr-defined]  # a model made at run time
    if len(numbers) < least:
        detail = (
            f"expected {expected} at {attributes.sampling_rate:.10g} Hz in 'record', got "
            f"{len(numbers)}"
        )
        raise Rejection(Reason.WRONG_LENGTH, detail)
    return np.array(numbers, np.float64)


@lru_cache(8)
def _record(max_samples: int) -> type[BaseModel]:
    """Return the model of the JSON form, with at most `max_samples` numbers."""
    numbers = Annotated[list[float], FailFast(), Field(max_length=max_samples)]
    # Strict: a number in quotes, or `true`, is not accepted as a number.
    return create_model("Record", __config__=ConfigDict(strict=True), record=numbers)


def _lengths(least: int, limits: MeasurementLimits) -> str:
    return f"{least} to {limits.max_samples}"


def _with_hint(detail: str, hint: str) -> str:
    return f"{detail}; {hint}" if hint else detail
