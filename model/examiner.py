"""A thread that examines windows as they are written, without Python's lock."""

from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS
from model.backends.native import ExaminerThread, NativeBackend
from model.diagnoser import Examination, check_finite
from model.examined import Examined
from model.statistics import ROW, Floats, of_rows

AT_ONCE: Final = 32
"""Windows after which to notify the thread; to wake it may take as long as two windows."""

_LEAST_CAPACITY: Final = 256
"""Windows for whose output there is memory at first."""


class _Output(NamedTuple):
    """Memory for the output of n windows: (n, 4), (n,) and (n,)."""

    probabilities: Floats
    novelty: Floats
    rows: NDArray[Any]

    @classmethod
    def of(cls, capacity: int) -> Self:
        """Allocate."""
        shape = capacity, len(FAULT_LABELS)
        return cls(
            np.empty(shape, np.float32), np.empty(capacity, np.float32), np.empty(capacity, ROW)
        )

    def grown(self, capacity: int, used: int) -> "_Output":
        """Return memory for more windows, with the output for the first ones."""
        larger = _Output.of(capacity)
        for column, before in zip(larger, self, strict=True):
            column[:used] = before[:used]
        return larger


class Examiner:
    """Examines the windows of an array from the first to the last, while later ones are written.

    What it returns is what `Assessor.examine` does.
    """

    def __init__(self, backend: NativeBackend, least_run: int) -> None:
        """Start the thread.

        Args:
            backend: Of the network; one that is checked.
            least_run: As for `statistics`.

        Raises:
            NativeError: The system has no thread left.
        """
        self._thread = ExaminerThread(backend, least_run)
        self._windows: Floats | None = None
        self._end = 0
        self._output = _Output.of(_LEAST_CAPACITY)

    @property
    def has_begun(self) -> bool:
        """Whether any windows were begun since `clear`."""
        return self._end > 0

    @property
    def due(self) -> int:
        """The number of windows at which `begin` is to be called."""
        return self._end + AT_ONCE

    def begin(self, windows: Floats) -> None:
        """Let the thread examine those windows that are not begun.

        Args:
            windows: (n, 2048), contiguous, those of earlier calls since `clear` and more. They are
                read where they are, and must not change before `clear`.
        """
        before = self._windows
        if (
            before is None
            or before.ctypes.data != windows.ctypes.data
            or len(windows) > len(self._output.novelty)
        ):
            self._thread.wait(self._end)
            if len(windows) > len(self._output.novelty):
                self._output = self._output.grown(2 * len(windows), self._end)
            self._thread.use(windows, *self._output, self._end)
        self._windows, self._end = windows, len(windows)
        self._thread.extend(self._end)

    def examined(self, first: int, end: int) -> Examined:
        """Return the output for the windows from `first` to `end`, which were begun; waits for it.

        Raises:
            ValueError: A sample is not finite.
        """
        assert self._windows is not None
        self._thread.wait(end)
        probabilities, novelty, rows = (column[first:end].copy() for column in self._output)
        check_finite(probabilities)
        signal = of_rows(rows, self._windows[first:end])
        return Examined(Examination(probabilities, novelty), signal)

    def clear(self) -> None:
        """Forget all windows; returns when none of them is read any more."""
        if self._windows is not None:
            self._thread.use(self._windows, *self._output, 0)
            self._windows, self._end = None, 0

    def close(self) -> None:
        """End the thread."""
        self._thread.stop()
