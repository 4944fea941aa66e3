"""Divide an array into the signals that it holds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.time_axis import is_even_ramp
from bearing_stream.vocabulary import WINDOW_LENGTH

_CHANNELS: Final = 64
"""More rows or columns than this are no channels but windows."""

_FEW: Final = 8
"""Up to this many rows of one window's length may also be short channels."""

_SHORT: Final = 256
"""Rows of fewer samples are no windows."""

HEAD: Final = 1000
"""Values that decide whether a row is a time axis."""


@dataclass(frozen=True, slots=True)
class Part:
    """One signal of an array.

    Args:
        number: Of the channel; None if the array is one signal.
        take: Returns its values from the array: shape (n,), or (m, n) for m windows.
        size: Number of samples.
        is_time: Its values grow evenly: a time axis or a counter.
    """

    number: int | None
    take: Callable[[NDArray[Any]], NDArray[Any]]
    size: int
    is_time: bool = False


def parts(array: Any, windows_as_rows: bool, where: str) -> list[Part]:
    """Divide an array of one, two or three dimensions into signals.

    The longer dimension of a matrix is time, unless its rows (or columns) are windows: because the
    caller states it, because they have exactly the length of a window, or because they are too many
    to be channels.

    Args:
        array: An array, or a data set that is sliced like one.
        windows_as_rows: The caller states that each row is a window.
        where: Its name in an error.

    Raises:
        RecordingError: The dimensions cannot be understood.
    """
    axes = [axis for axis, size in enumerate(array.shape) if size != 1]
    shape = tuple(array.shape[axis] for axis in axes)
    if len(shape) <= 1:
        return [_whole(array, 0 if not shape else shape[0])]
    if len(shape) == 3 and windows_as_rows:
        return _stacked(shape)
    if len(shape) != 2:
        raise RecordingError(
            f"{where}: expected samples in one or two dimensions, got shape "
            f"{'x'.join(map(str, array.shape))}; save one signal of it"
        )
    if windows_as_rows:
        return [Part(None, _squeezed, shape[0] * shape[1])]
    if _are_windows(shape):
        return [Part(None, _as_rows, shape[0] * shape[1])]
    return [_channel(array, axes, shape, number) for number in range(min(shape))]


def _whole(array: Any, size: int) -> Part:
    head = np.asarray(array).reshape(-1)[:HEAD] if size <= HEAD else _head(array)
    return Part(None, _flat, size, _grows(head))


def _head(array: Any) -> NDArray[Any]:
    index = tuple(slice(0, HEAD) if size > 1 else 0 for size in array.shape)
    return np.asarray(array[index]).reshape(-1)


def _channel(array: Any, axes: list[int], shape: tuple[int, ...], number: int) -> Part:
    time = int(shape[1] > shape[0])
    index: list[Any] = [0] * len(array.shape)
    index[axes[time]] = slice(0, HEAD)
    index[axes[1 - time]] = number

    def take(values: NDArray[Any]) -> NDArray[Any]:
        squeezed = _squeezed(values)
        return np.asarray(squeezed[number] if time else squeezed[:, number])

    return Part(number, take, shape[time], _grows(np.asarray(array[tuple(index)])))


def _stacked(shape: tuple[int, ...]) -> list[Part]:
    """Windows of several channels: (windows, samples, channels) or (windows, channels, samples)."""
    last = shape[2] < shape[1]
    channels = shape[2] if last else shape[1]

    def taker(number: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
        def take(values: NDArray[Any]) -> NDArray[Any]:
            squeezed = _squeezed(values)
            return np.asarray(squeezed[:, :, number] if last else squeezed[:, number])

        return take

    size = shape[0] * max(shape[1:])
    return [Part(number, taker(number), size) for number in range(channels)]


def _are_windows(shape: tuple[int, ...]) -> bool:
    if min(shape) > _CHANNELS and shape[1] >= _SHORT:
        return True
    return max(shape) == WINDOW_LENGTH and min(shape) > _FEW


def _grows(head: NDArray[Any]) -> bool:
    return head.dtype.kind in "iuf" and is_even_ramp(head.astype(np.float64))


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(values).reshape(-1)


def _squeezed(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(values).squeeze()


def _as_rows(values: NDArray[Any]) -> NDArray[Any]:
    """Windows as rows, also where they were saved as columns."""
    squeezed = _squeezed(values)
    rows, columns = squeezed.shape
    as_columns = rows == WINDOW_LENGTH and (columns < _SHORT or columns & (columns - 1))
    return squeezed.T if as_columns else squeezed
