"""From the body of a request to windows, or to what is wrong with which record."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, FailFast, Field, Strict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from vocabulary import WINDOW_LENGTH

FLOAT32: Final = np.dtype("<f4")
"""How a sample lies in a binary body."""

MOST_ERRORS: Final = 100
"""Records of one request that are told to be wrong; the rest would only fill the answer."""

Location = tuple[int | str, ...]


class InvalidBodyError(Exception):
    """A body is no list of windows.

    Attributes:
        errors: What is wrong where, as FastAPI words it: `type`, `loc`, `msg`. `loc` is `body`, and
            then the record's index, `record` and the sample's index as far as they are known.
    """

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        super().__init__(f"{len(errors)} errors, the first: {errors[0]['msg']}")
        self.errors = errors


# Strict: a number in quotes, or `true`, is no number. Other keys are left alone, as they ever were.
@with_config(ConfigDict(strict=True, extra="ignore"))
class _Record(TypedDict):
    record: Annotated[
        list[float], FailFast(), Field(min_length=WINDOW_LENGTH, max_length=WINDOW_LENGTH)
    ]


_RECORDS: Final = TypeAdapter(Annotated[list[_Record], Strict()])


def read_json(body: bytes | bytearray) -> NDArray[np.float32]:
    """Return the windows (n, 2048), n ≥ 0, of `[{"record": [2048 numbers]}, ...]`.

    Raises:
        InvalidBodyError: It is no such thing, or a window is flat or not finite as float32.
    """
    try:
        records = _RECORDS.validate_json(body)
    except ValidationError as error:
        raise InvalidBodyError(_explained(error)) from None
    windows = np.empty((len(records), WINDOW_LENGTH), np.float32)
    # What does not fit float32 becomes infinite, and is refused as such.
    with np.errstate(over="ignore"):
        for row, record in zip(windows, records, strict=True):
            row[:] = record["record"]
    return _checked(windows, ("record",))


def read_binary(body: bytes | bytearray) -> NDArray[np.float32]:
    """Return the windows (n, 2048), n ≥ 0, of little-endian float32 samples back to back.

    Raises:
        InvalidBodyError: The last window is not whole, or one is flat or not finite.
    """
    size = WINDOW_LENGTH * FLOAT32.itemsize
    if len(body) % size:
        message = (
            f"Expected windows of {size} bytes ({WINDOW_LENGTH} samples of float32-le) back to "
            f"back; after {len(body) // size} whole ones came {len(body) % size} bytes"
        )
        raise InvalidBodyError([_error("window_length", (len(body) // size,), message)])
    samples = np.frombuffer(body, FLOAT32).astype(np.float32)
    return _checked(samples.reshape(-1, WINDOW_LENGTH), ())


def _checked(windows: NDArray[np.float32], within: Location) -> NDArray[np.float32]:
    """Return `windows` if each can be diagnosed; else name what is wrong with which."""
    # A sum keeps NaN and infinity, and spares an array of truth values as large as the windows.
    with np.errstate(over="ignore", invalid="ignore"):
        unsound = ~np.isfinite(windows.sum(axis=1))
    flat = windows.min(axis=1) == windows.max(axis=1)
    errors = []
    for index in np.flatnonzero(unsound | flat).tolist():
        wrong = np.flatnonzero(~np.isfinite(windows[index]))
        if len(wrong):
            message = "Expected finite samples within float32; came NaN, infinity or more than that"
            errors.append(_error("finite_number", (index, *within, int(wrong[0])), message))
        elif flat[index]:
            message = "Expected a signal; all samples are the same"
            errors.append(_error("flat_line", (index, *within), message))
    if errors:
        raise InvalidBodyError(errors[:MOST_ERRORS])
    return windows


def _explained(error: ValidationError) -> list[dict[str, Any]]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [_error(detail["type"], detail["loc"], detail["msg"]) for detail in found[:MOST_ERRORS]]


def _error(kind: str, where: Location, message: str) -> dict[str, Any]:
    return {"type": kind, "loc": ["body", *where], "msg": message}
