"""Counts values by size, many at a time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bearing_stream.observability.metric import Distribution


class Histogram:
    """Counts values by size.

    One thread adds values; any may read.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        """Count nothing yet; `bounds` are the upper bounds of the buckets, ascending."""
        self._bounds = np.array(bounds, np.float64)
        self._counts = np.zeros(len(bounds) + 1, np.int64)
        self.sum = 0.0

    def observe(self, values: ArrayLike, weights: ArrayLike = 1) -> None:
        """Count a value or an array of values; one that is no number is left out.

        Args:
            values: Of any shape.
            weights: How often each counts, of a shape that fits that of the values.
        """
        found = np.asarray(values, np.float64)
        known = ~np.isnan(found)
        counts = np.broadcast_to(np.asarray(weights, np.int64), found.shape)[known]
        found = found[known]
        # A bucket holds its upper bound.
        places = np.searchsorted(self._bounds, found, side="left")
        np.add.at(self._counts, places, counts)
        self.sum += float(found @ counts)

    def distribution(self) -> Distribution:
        """Return what was counted so far."""
        bounds = [*self._bounds.tolist(), float("inf")]
        counts = np.cumsum(self._counts).tolist()
        return Distribution(tuple(zip(bounds, counts, strict=True)), self.sum)
