"""Statistics of windows, from which quality flags and indicators follow: one pass over the samples.

In C where that was built, else in NumPy.
"""

import ctypes
import logging
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import WINDOW_LENGTH
from model.backends.native import LEVELS, Level, NativeError, levels, library

_log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

BLOCKS: Final = 64
"""Blocks of a window whose means show slow components: jumps, and hum up to 187 Hz."""

BLOCK_SAMPLES: Final = WINDOW_LENGTH // BLOCKS
"""Samples in a block."""

LEVEL: Final = 1e-4
"""Of half the span: samples within it are at the same level, to one step of 14 bits."""

_SMALL, _LARGE = np.float32(1e-15), np.float32(1e15)
"""Half spans whose squares float32 holds well; windows beyond are scaled to 1 first."""

_CHUNK: Final = 64
"""Windows at a time, so that intermediate results stay in a core's cache, and that BLAS does not
share a product among threads, which would wait for one another longer than it takes."""

_BLOCK_WEIGHTS: Final = np.full(BLOCK_SAMPLES, 1 / BLOCK_SAMPLES, np.float32)
_EQUAL_WEIGHTS: Final = np.full(WINDOW_LENGTH, 1 / WINDOW_LENGTH, np.float32)

_TOLERANCE: Final = 1e-4
"""Of the statistics in C and in NumPy, relative to the largest of each kind."""

ROW: Final = np.dtype(
    [
        *((name, np.float32) for name in ("high", "low", "square", "at_level", "longest_run")),
        ("powers", np.float32, 4),
        ("means", np.float32, BLOCKS),
    ]
)
"""`struct statistics` of kernel.c."""


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Statistics of n windows.

    Those of the slow components are of the windows as they are, or, where float32 cannot hold their
    squares, scaled to a half span of 1 about 0: only ratios of them are used.

    Args:
        high: (n,) float32, the highest sample.
        low: (n,) float32, the lowest sample.
        powers: (n, 4) float32, the means of the first four powers of the samples. Not finite where
            float32 does not hold them.
        at_level: (n,) float32, number of samples at the highest or the lowest level, to `LEVEL`.
        longest_run: (n,) float32, the length of the longest run of equal samples in a row, if it
            is at least `least_run` of `statistics`; else a smaller number.
        middle: (n,) float32, of the highest and the lowest sample.
        square: (n,) float32, the mean square about `middle`.
        means: (n, 64) float32, the mean of each block of 32 samples.
    """

    high: Floats
    low: Floats
    powers: Floats
    at_level: Floats
    longest_run: Floats
    middle: Floats
    square: Floats
    means: Floats


def statistics(windows: Floats, least_run: int) -> Statistics:
    """Return the statistics of windows.

    Args:
        windows: (n, 2048) float32, finite, any unit.
        least_run: The shortest run whose length is of interest, at least 3.
    """
    native = native_statistics()
    return native.measure(windows, least_run) if native else plain_statistics(windows, least_run)


@cache
def native_statistics() -> "NativeStatistics | None":
    """Return the statistics in C, checked against those in NumPy; None where C cannot be used."""
    try:
        native = NativeStatistics()
    except NativeError:
        # The network's backend reports it.
        return None
    windows = np.random.default_rng(0).standard_normal((20, WINDOW_LENGTH)).astype(np.float32)
    windows[0, 100:130] = 0.5
    windows[1] = windows[1].clip(-1, 1)
    expected, found = plain_statistics(windows, 16), native.measure(windows, 16)
    apart = max(
        float(np.abs(one - other).max() / np.abs(other).max())
        for one, other in (
            (getattr(found, column.name), getattr(expected, column.name))
            for column in fields(Statistics)
            if column.name != "longest_run"
        )
    )
    runs = [np.maximum(each.longest_run, 15) for each in (found, expected)]
    if apart <= _TOLERANCE and (runs[0] == runs[1]).all():
        return native
    _log.warning("computing statistics with NumPy: those in C are %.1e apart", apart)
    return None


class NativeStatistics:
    """The statistics in C: `kernel_statistics.h` of model/backends, without Python's lock."""

    def __init__(self) -> None:
        """Load the kernel; raises NativeError where it was not built or cannot be loaded."""
        self._function: Any = library().bearing_statistics
        self._level = LEVELS.index(levels()[-1])

    def measure(self, windows: Floats, least_run: int, level: Level | None = None) -> Statistics:
        """Return what `statistics` does.

        Args:
            windows: As for `statistics`.
            least_run: As for `statistics`.
            level: Instructions to use; None for the most that this processor has.
        """
        batch = np.require(windows, np.float32, ["C", "ALIGNED"])
        rows = np.empty(len(batch), ROW)
        self._function(
            batch.ctypes.data,
            len(batch),
            self._level if level is None else LEVELS.index(level),
            least_run,
            ctypes.c_void_p(rows.ctypes.data),
        )
        return of_rows(rows, batch)


def of_rows(rows: NDArray[Any], windows: Floats) -> Statistics:
    """Return the statistics that the kernel wrote.

    Args:
        rows: (n,) of type `ROW`.
        windows: (n, 2048), that they are of.
    """
    high: Floats = rows["high"]
    low: Floats = rows["low"]
    middle: Floats = np.asarray(high / 2 + low / 2, np.float32)
    found = Statistics(
        high,
        low,
        rows["powers"],
        rows["at_level"],
        rows["longest_run"],
        middle,
        rows["square"],
        rows["means"],
    )
    extreme = _is_extreme(high / 2 - low / 2)
    if extreme.any():
        _write_slow(_scaled(windows[extreme]), found, extreme)
    return found


def plain_statistics(windows: Floats, least_run: int) -> Statistics:
    """Return what `statistics` does, computed in NumPy."""
    count = len(windows)
    columns = (np.empty(count, np.float32) for _ in range(5))
    high, low, at_level, longest_run, square = columns
    powers = np.empty((count, 4), np.float32)
    means = np.empty((count, BLOCKS), np.float32)
    found = Statistics(
        high, low, powers, at_level, longest_run, np.empty(count, np.float32), square, means
    )
    for begin in range(0, count, _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        samples = windows[chunk]
        high[chunk], low[chunk] = samples.max(axis=1), samples.min(axis=1)
        _write_powers(samples, powers[chunk])
        longest_run[chunk] = _longest_runs(samples, least_run)
        half = high[chunk] / 2 - low[chunk] / 2
        extreme = _is_extreme(half)
        if extreme.any():
            samples = np.where(extreme[:, None], _scaled(samples), samples)
        _write_slow(samples, found, chunk)
    return found


def _is_extreme(half: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.asarray((half < _SMALL) | (half > _LARGE))


def _scaled(windows: Floats) -> Floats:
    """Return windows about 0 with a half span of 1; flat ones become zeros."""
    high, low = windows.max(axis=1), windows.min(axis=1)
    half = high / 2 - low / 2
    scaled: Floats = windows - (high / 2 + low / 2)[:, None]
    scaled /= np.where(half == 0, np.float32(1), half)[:, None]
    return scaled


def _write_slow(windows: Floats, found: Statistics, rows: slice | NDArray[np.bool_]) -> None:
    """Write middle, square, samples at a level and means of blocks of some windows."""
    high, low = windows.max(axis=1), windows.min(axis=1)
    middle, half = high / 2 + low / 2, high / 2 - low / 2
    squares = windows - middle[:, None]
    squares *= squares
    found.middle[rows] = middle
    found.square[rows] = squares @ _EQUAL_WEIGHTS
    found.at_level[rows] = _count(squares >= np.square(half * np.float32(1 - LEVEL))[:, None])
    # A product with equal weights is the mean of each block, five times as fast as `mean`.
    means = (windows.reshape(-1, BLOCK_SAMPLES) @ _BLOCK_WEIGHTS).reshape(-1, BLOCKS)
    found.means[rows] = means


def _write_powers(windows: Floats, powers: Floats) -> None:
    """Write the means of the first four powers (n, 4) of windows."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squares = np.square(windows)
        powers[:, 0] = windows @ _EQUAL_WEIGHTS
        powers[:, 1] = np.linalg.vecdot(windows, windows)
        powers[:, 2] = np.linalg.vecdot(squares, windows)
        powers[:, 3] = np.linalg.vecdot(squares, squares)
        powers[:, 1:] /= WINDOW_LENGTH


def _count(marks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the marks of each row (n, 2048), up to 255 of each eighth.

    Eight marks are added at a time, as the bytes of one integer: a tenth of the time of `sum`.
    """
    eights = np.add.reduce(marks.view(np.uint64), axis=1, keepdims=True)
    counts: NDArray[np.int64] = eights.view(np.uint8).sum(axis=1, dtype=np.int64)
    return counts


def _longest_runs(windows: Floats, least: int) -> NDArray[np.int64]:
    """Return the length (n,) of the longest run of equal samples, if at least `least`; else 1.

    Every such run contains three samples that are a third of its length apart. Few windows have
    three such samples that are equal, and only those are checked sample by sample.
    """
    apart = windows[:, :: max(least // 3, 1)]
    equal = apart[:, 1:] == apart[:, :-1]
    held: NDArray[np.bool_] = (equal[:, 1:] & equal[:, :-1]).any(axis=1)
    longest = np.ones(len(windows), np.int64)
    if held.any():
        longest[held] = _longest_run(windows[held])
    return longest


def _longest_run(windows: Floats) -> NDArray[np.int64]:
    """Return the length (n,) of the longest run of equal samples in a row."""
    changed = np.ones((len(windows), windows.shape[1] + 1), np.bool_)
    changed[:, 1:-1] = windows[:, 1:] != windows[:, :-1]
    row, begin = np.nonzero(changed)
    longest = np.zeros(len(windows), np.int64)
    lengths = np.diff(begin, append=0)
    np.maximum.at(longest, row, lengths)
    return longest
