"""Spectra in C: `kernel_spectra.h` of model/backends, called without Python's lock."""

import ctypes
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import WINDOW_LENGTH
from model.backends.native import LEVELS, Level, levels, library

Floats = NDArray[np.float32]

BANDS: Final = 12
VIEWS: Final = 6
"""Band views."""


class _Turns(ctypes.Structure):
    """`struct turns` of kernel.c."""

    _fields_ = (("of", ctypes.c_void_p), ("count", ctypes.c_int64))


class _Plan(ctypes.Structure):
    """`struct plan` of kernel.c."""

    _fields_ = (
        ("samples", ctypes.c_int64),
        ("points", ctypes.c_int64),
        *((name, _Turns) for name in ("whole", "full", "fine")),
        ("edges", ctypes.c_int32 * (BANDS + 1)),
        ("views", ctypes.c_int32 * 2 * VIEWS),
    )


class NativeSpectra:
    """The spectra of `spectra.plain_spectra`, in C."""

    def __init__(
        self,
        samples: int,
        points: int,
        full_samples: int,
        fineness: int,
        edges: NDArray[np.int64],
        views: Sequence[tuple[int, int]],
    ) -> None:
        """Prepare the tables; arguments are the constants and the `Reading` of `spectra`.

        Raises:
            NativeError: The kernel was not built or cannot be loaded.
        """
        self._function: Any = library().bearing_spectra
        self._level = LEVELS.index(levels()[-1])
        self._points = points
        lengths = {"whole": WINDOW_LENGTH, "full": full_samples, "fine": fineness * samples}
        self._tables = {name: _table(length) for name, length in lengths.items()}
        turns = {name: _Turns(one.ctypes.data, len(one)) for name, one in self._tables.items()}
        self._plan = _Plan(samples, points, **turns)
        self._plan.edges[:] = edges.tolist()
        for row, view in zip(self._plan.views, views, strict=True):
            row[:] = view

    def measure(self, windows: Floats, level: Level | None = None) -> tuple[Floats, Floats]:
        """Return log envelope spectra (n, points) and log band powers (n, 12), as in `Spectra`.

        Args:
            windows: (n, 2048) float32 at 12 kHz, finite, any unit.
            level: Instructions to use; None for the most that this processor has.
        """
        batch = np.require(windows, np.float32, ["C", "ALIGNED"])
        envelope = np.empty((len(batch), self._points), np.float32)
        bands = np.empty((len(batch), BANDS), np.float32)
        done = self._function(
            batch.ctypes.data,
            len(batch),
            self._level if level is None else LEVELS.index(level),
            ctypes.byref(self._plan),
            envelope.ctypes.data,
            bands.ctypes.data,
        )
        if not done:
            raise MemoryError("no memory for spectra")
        return envelope, bands


def _table(length: int) -> Floats:
    """Return cosine and sine of -2 pi k / length (length, 2)."""
    turns = np.exp(-2j * np.pi * np.arange(length) / length)
    return np.stack([turns.real, turns.imag], axis=1).astype(np.float32)
