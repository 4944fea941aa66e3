"""Examines windows in a thread, while the loop decodes windows and publishes diagnoses."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.assessor import Examined

AT_ONCE: Final = 32
"""Windows that one call examines: so many that passing them to the thread costs little, and so few
that the thread begins early."""


class _Begun(NamedTuple):
    """Windows that are examined: their rows in the batch, and what will have the output."""

    first: int
    end: int
    output: Future[Examined]


class Ahead:
    """A thread that examines the windows of a batch as they come.

    For a kernel that releases Python's lock. A batch with fewer windows than `AT_ONCE`, as live
    ones are, does without the thread.
    """

    def __init__(
        self, examine: Callable[[NDArray[np.float32]], Examined], at_once: int = AT_ONCE
    ) -> None:
        """Start with no windows.

        Args:
            examine: Examines windows (n, 2048), each independently of the others.
            at_once: Windows of which to begin the examination together.
        """
        self._examine = examine
        self._at_once = at_once
        self._thread = ThreadPoolExecutor(1, "network")
        self._begun: list[_Begun] = []
        self._end = 0

    @property
    def has_begun(self) -> bool:
        """Whether any windows were begun since `clear`."""
        return bool(self._begun)

    @property
    def due(self) -> int:
        """The number of windows at which `begin` is to be called."""
        return self._end + self._at_once

    def begin(self, windows: NDArray[np.float32]) -> None:
        """Begin to examine those windows that are not begun.

        Args:
            windows: (n, 2048), all of the batch so far. They must not change before `clear`.
        """
        if self._end < len(windows):
            output = self._thread.submit(self._examine, windows[self._end :])
            self._begun.append(_Begun(self._end, len(windows), output))
            self._end = len(windows)

    def examined(self, first: int, end: int) -> Examined:
        """Return the output for the windows from `first` to `end`, which were begun; waits for it.

        Raises:
            Exception: What the network raised for one of them, or for one begun with them.
        """
        parts = [one for one in self._begun if one.first < end and first < one.end]
        rows = slice(first - parts[0].first, end - parts[0].first)
        return Examined.join([one.output.result() for one in parts], rows)

    def clear(self) -> None:
        """Forget all windows; returns when none of them is read any more."""
        for one in self._begun:
            if not one.output.cancel():
                one.output.exception()
        self._begun.clear()
        self._end = 0

    def close(self) -> None:
        """End the thread."""
        self.clear()
        self._thread.shutdown()
