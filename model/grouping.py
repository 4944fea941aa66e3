"""Measurements of several windows: which windows each has, and what is taken over them."""

from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", np.float32, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """How many of the windows in a row belong to each of m measurements.

    Where each measurement is one window, every method returns its argument as it is.

    Args:
        counts: (m,), windows of each measurement, at least 1.
        single: Whether each is one.
    """

    counts: NDArray[np.int64]
    single: bool

    @classmethod
    def of(cls, windows: int, counts: NDArray[np.int64] | None = None) -> Self:
        """Group `windows` windows by `counts`; None is one for each measurement.

        Raises:
            ValueError: A count is below 1, or they do not add up to the windows.
        """
        if counts is None:
            return cls(np.ones(windows, np.int64), True)
        if counts.ndim != 1 or (counts < 1).any() or counts.sum() != windows:
            raise ValueError(
                f"expected the number of windows of each measurement, at least 1 each and "
                f"{windows} in all, got {counts.tolist()[:10]}"
            )
        return cls(counts, len(counts) == windows)

    @classmethod
    def every(cls, windows: int, count: int) -> Self:
        """Group windows into measurements of `count`; what is left over is a shorter one."""
        whole, rest = divmod(windows, count)
        return cls.of(windows, np.array([count] * whole + [rest] * (rest > 0), np.int64))

    def __len__(self) -> int:
        """The number of measurements."""
        return len(self.counts)

    def repeat(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return, for each window, the value (m, ...) of its measurement."""
        return values if self.single else np.repeat(values, self.counts, axis=0)

    def select(self, rows: NDArray[np.bool_]) -> "Grouping":
        """Return the grouping of some of the measurements (m,), without the others' windows."""
        return Grouping(self.counts[rows], self.single)

    def without(self, marks: NDArray[np.bool_]) -> tuple[slice | NDArray[np.bool_], "Grouping"]:
        """Leave out the windows that are marked (n,), where their measurement has others.

        Returns:
            The index of the windows that are left, which copies nothing where they are all, and
            their grouping, into the same measurements.
        """
        if self.single or not marks.any():
            return slice(None), self
        left = ~marks
        counts = np.add.reduceat(left, self._begins(), dtype=np.int64)
        # Of a measurement whose windows are all marked, all are left.
        left |= self.repeat(counts == 0)
        counts = np.where(counts == 0, self.counts, counts)
        return left, Grouping(counts, bool((counts == 1).all()))

    def mean(self, values: NDArray[Float]) -> NDArray[Float]:
        """Return the mean (m, ...) of the values (n, ...) of each measurement's windows."""
        if self.single:
            return values
        mean = np.empty((len(self), *values.shape[1:]), values.dtype)
        if len(self):
            np.add.reduceat(values, self._begins(), axis=0, out=mean)
        mean /= self.counts.reshape(-1, *[1] * (values.ndim - 1)).astype(values.dtype)
        return mean

    def share(self, marks: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the share (m, ...) of each measurement's windows that are marked."""
        return self.mean(marks.astype(np.float32))

    def mean_probabilities(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the normalised geometric mean (m, 4) of probabilities (n, 4): of their logarithms.

        Windows are independent evidence of one state, and their log-likelihoods add up. The mean
        keeps the confidence that of one window: the windows of one measurement share more than
        independent ones would.
        """
        if self.single:
            return probabilities
        logs = self.mean(np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)))
        powers = np.exp(logs - logs.max(axis=1, keepdims=True, initial=-np.inf))
        mean: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
        return mean

    def _begins(self) -> NDArray[np.int64]:
        return np.cumsum(self.counts) - self.counts
