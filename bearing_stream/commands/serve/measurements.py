"""Decodes a body whose sampling rate is stated: records of any length, cut into windows."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, FailFast, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from bearing_stream.commands.serve.bodies import (
    FLOAT32,
    MAX_ERRORS,
    InvalidBodyError,
    Location,
    Records,
    explained,
    problem,
)
from bearing_stream.sampling import Defects, least_length, windows
from bearing_stream.vocabulary import WINDOW_LENGTH


@with_config(ConfigDict(strict=True, extra="ignore"))
class _Record(TypedDict):
    record: Annotated[list[float], FailFast()]


# Stops at the first invalid record: an error takes 800 bytes, and a body may hold millions.
_RECORDS: Final = TypeAdapter(Annotated[list[_Record], FailFast()])


def read_json_measurements(body: bytes | bytearray, sampling_rate: float) -> Records:
    """Return the windows of `[{"record": [numbers]}, ...]`, each record of a window or more.

    Raises:
        InvalidBodyError: The body has another form, or a record is too short, flat or not finite.
    """
    try:
        records = _RECORDS.validate_json(bytes(body))
    except ValidationError as error:
        raise InvalidBodyError(explained(error)[:MAX_ERRORS]) from None
    signals = (np.array(record["record"], np.float64) for record in records)
    return _cut(signals, sampling_rate, ("record",))


def read_binary_measurement(body: bytes | bytearray, sampling_rate: float) -> Records:
    """Return the windows of one measurement, little-endian float32 samples.

    Raises:
        InvalidBodyError: It is no whole number of samples, too short, flat or not finite.
    """
    if len(body) % FLOAT32.itemsize:
        message = f"Expected samples of {FLOAT32.itemsize} bytes (float32-le); got {len(body)}"
        raise InvalidBodyError([problem("sample_length", (0,), message)])
    return _cut([np.frombuffer(body, FLOAT32)], sampling_rate, ())


def _cut(signals: Iterable[NDArray[Any]], sampling_rate: float, within: Location) -> Records:
    cut: list[NDArray[np.float32]] = []
    defects: list[Defects] = []
    errors: list[dict[str, Any]] = []
    for index, signal in enumerate(signals):
        found = _windows(signal, sampling_rate, (index, *within))
        if isinstance(found, dict):
            errors.append(found)
            continue
        cut.append(found[0])
        defects.append(found[1])
    if errors:
        raise InvalidBodyError(errors[:MAX_ERRORS])
    joined = np.concatenate(cut) if cut else np.empty((0, WINDOW_LENGTH), np.float32)
    counts = np.array([len(each) for each in cut], np.int64)
    return Records(joined, counts, np.array(defects, np.bool_).reshape(len(cut), 2))


def _windows(
    signal: NDArray[Any], sampling_rate: float, where: Sequence[int | str]
) -> tuple[NDArray[np.float32], Defects] | dict[str, Any]:
    """Return the windows that vary, and the defects of the record; or what is wrong."""
    least = least_length(sampling_rate)
    if len(signal) < least:
        message = f"Expected {least} samples or more at {sampling_rate:.10g} Hz; got {len(signal)}"
        return problem("too_short", tuple(where), message)
    if np.isfinite(signal).all():
        found = windows(signal, sampling_rate)
        if np.isfinite(found.samples).all():
            if not found.varying.any():
                return problem("flat_line", tuple(where), "Expected a signal; no window varies")
            return found.samples[found.varying], found.defects
    message = "Expected finite samples within float32; got NaN, infinity or a larger number"
    return problem("finite_number", tuple(where), message)
