"""Decodes the body of a request into windows, or names the invalid records."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, FailFast, Field, Strict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from bearing_stream.commands.serve.plain import LEAST_RECORD, read_plain
from bearing_stream.vocabulary import WINDOW_LENGTH

FLOAT32: Final = np.dtype("<f4")
"""The format of a sample in a binary body."""

MAX_ERRORS: Final = 100
"""Errors that a response lists; more would only enlarge the response."""

Location = tuple[int | str, ...]


class InvalidBodyError(Exception):
    """A body is not a valid list of windows.

    Attributes:
        errors: In the format of FastAPI: `type`, `loc`, `msg`. `loc` is `body`, followed by the
            index of the record, `record` and the index of the sample, as far as they are known.
    """

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        super().__init__(f"{len(errors)} errors, the first: {errors[0]['msg']}")
        self.errors = errors


class Records(NamedTuple):
    """The records of a body, in order.

    Args:
        windows: (n, 2048), those of a record in a row.
        counts: (m,), the windows of each record.
        defects: (m, 2) bool, columns as `sampling.Defects`.
    """

    windows: NDArray[np.float32]
    counts: NDArray[np.int64]
    defects: NDArray[np.bool_]

    @classmethod
    def single(cls, windows: NDArray[np.float32]) -> Self:
        """Return records of one window each."""
        return cls(windows, np.ones(len(windows), np.int64), np.zeros((len(windows), 2), np.bool_))


# Strict: a number in quotes, or `true`, is not a number. Other keys are ignored, as they were in
# the published interface.
@with_config(ConfigDict(strict=True, extra="ignore"))
class _Record(TypedDict):
    record: Annotated[
        list[float], FailFast(), Field(min_length=WINDOW_LENGTH, max_length=WINDOW_LENGTH)
    ]


_LIST: Final = TypeAdapter(Annotated[list[Any], Strict()])

_RECORDS: Final = TypeAdapter(Iterable[_Record])
"""An iterator, which validates a record only when it is consumed: a body may contain millions of
invalid records, each with an error of 800 bytes, and only the listed ones are validated."""

_OPENING: Final = re.compile(rb"[ \t\r\n]*\[")

_IN_JSON: Final = {
    "dict_type": "Input should be an object",
    "list_type": "Input should be a valid array",
}
"""Messages in terms of JSON instead of Python."""


_ADVICE: Final = {"too_long": "; a record of another length needs its rate, ?sampling_rate=HZ"}
"""What to do about an error."""


def read_json(body: bytes | bytearray) -> NDArray[np.float32]:
    """Return the windows (n, 2048), n ≥ 0, of `[{"record": [2048 numbers]}, ...]`.

    Raises:
        InvalidBodyError: The body has another form, or a window is flat or not finite as float32.
    """
    windows = read_plain(body)
    if windows is None:
        windows = _validated(body)
    return _checked(windows, ("record",))


def read_binary(body: bytes | bytearray) -> NDArray[np.float32]:
    """Return the windows (n, 2048), n ≥ 0, of little-endian float32 samples back to back.

    Raises:
        InvalidBodyError: The last window is incomplete, or a window is flat or not finite.
    """
    size = WINDOW_LENGTH * FLOAT32.itemsize
    if len(body) % size:
        message = (
            f"Expected windows of {size} bytes ({WINDOW_LENGTH} samples of float32-le) back to "
            f"back; got {len(body) // size} complete ones and {len(body) % size} more bytes"
        )
        raise InvalidBodyError([problem("window_length", (len(body) // size,), message)])
    samples = np.frombuffer(body, FLOAT32).astype(np.float32)
    return _checked(samples.reshape(-1, WINDOW_LENGTH), ())


def _validated(body: bytes | bytearray) -> NDArray[np.float32]:
    """Decode records one by one, ignoring other keys, or list the errors of each."""
    # A body of this length cannot contain more valid records.
    windows = np.empty((len(body) // LEAST_RECORD, WINDOW_LENGTH), np.float32)
    errors: list[dict[str, Any]] = []
    good = 0
    records = iter(_parsed(body))
    while len(errors) < MAX_ERRORS:
        try:
            record = next(records)
        except StopIteration:
            break
        except ValidationError as error:
            errors += explained(error)
            continue
        # A number beyond float32 becomes infinite, and is rejected as such.
        with np.errstate(over="ignore"):
            windows[good] = record["record"]
        good += 1
    if errors:
        raise InvalidBodyError(errors)
    return windows[:good]


def _parsed(body: bytes | bytearray) -> Iterable[_Record]:
    """Parse a list of any items; a record is validated when it is consumed."""
    try:
        # The iterator would also accept the pairs of an object, or the characters of a string.
        if not _OPENING.match(body):
            _LIST.validate_json(body)
        return _RECORDS.validate_json(body)
    except ValidationError as error:
        raise InvalidBodyError(explained(error)) from None


def _checked(windows: NDArray[np.float32], within: Location) -> NDArray[np.float32]:
    """Return `windows` if each can be diagnosed; otherwise raise an error for each invalid one."""
    # A sum propagates NaN and infinity, without a boolean array as large as the windows.
    with np.errstate(over="ignore", invalid="ignore"):
        not_finite = ~np.isfinite(windows.sum(axis=1))
    flat = windows.min(axis=1) == windows.max(axis=1)
    errors = []
    for index in np.flatnonzero(not_finite | flat).tolist():
        wrong = np.flatnonzero(~np.isfinite(windows[index]))
        if len(wrong):
            message = "Expected finite samples within float32; got NaN, infinity or a larger number"
            errors.append(problem("finite_number", (index, *within, int(wrong[0])), message))
        elif flat[index]:
            message = "Expected a signal; all samples are the same"
            errors.append(problem("flat_line", (index, *within), message))
    if errors:
        raise InvalidBodyError(errors[:MAX_ERRORS])
    return windows


def explained(error: ValidationError) -> list[dict[str, Any]]:
    """Return the errors of a validation in the format of `InvalidBodyError`."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [
        problem(
            detail["type"],
            detail["loc"],
            _IN_JSON.get(detail["type"], detail["msg"]) + _ADVICE.get(detail["type"], ""),
        )
        for detail in found
    ]


def problem(kind: str, where: Location, message: str) -> dict[str, Any]:
    """Return one error in the format of `InvalidBodyError`."""
    return {"type": kind, "loc": ["body", *where], "msg": message}
