"""Several baselines as arrays, so that the windows of many machines are measured at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.physics.baseline import Baseline
from model.physics.lines import line_orders, speeds
from model.physics.spectra import Reading


@dataclass(frozen=True, slots=True, eq=False)
class Baselines:
    """Baselines whose envelope spectra are read equally far, each with up to p points.

    Args:
        reading: How far.
        orders: (b, 7), of the lines of each bearing.
        readable: (b, 2), the slowest and the fastest speed at which its lines can be read.
        nominal: (b,), nominal speeds; NaN where there is none.
        counts: (b,), points of each.
        rpm, slowest, fastest: (b, p), of the points; NaN beyond the last of a baseline, as below.
        lines, line_deviations: (b, p, 3).
        shape, shape_deviations: (b, p, 11).
    """

    reading: Reading
    orders: NDArray[np.float64]
    readable: NDArray[np.float64]
    nominal: NDArray[np.float64]
    counts: NDArray[np.int64]
    rpm: NDArray[np.float64]
    slowest: NDArray[np.float64]
    fastest: NDArray[np.float64]
    lines: NDArray[np.float64]
    line_deviations: NDArray[np.float64]
    shape: NDArray[np.float64]
    shape_deviations: NDArray[np.float64]

    @classmethod
    def of(cls, baselines: Sequence[Baseline]) -> Self:
        """Stack at least one baseline; all have the same reading."""
        counts = np.array([len(baseline.points) for baseline in baselines])

        def stacked(name: str) -> NDArray[np.float64]:
            rows = [[getattr(point, name) for point in each.points] for each in baselines]
            found = np.full((len(rows), counts.max(), *np.shape(rows[0][0])), np.nan)
            for of_baseline, values in zip(found, rows, strict=True):
                of_baseline[: len(values)] = values
            return found

        return cls(
            reading=baselines[0].reading,
            orders=np.stack([line_orders(each.orders) for each in baselines]),
            readable=np.array([speeds(each.orders, each.reading) for each in baselines]),
            nominal=np.array([each.nominal_rpm or np.nan for each in baselines]),
            counts=counts,
            rpm=stacked("rpm"),
            slowest=stacked("slowest"),
            fastest=stacked("fastest"),
            lines=stacked("lines"),
            line_deviations=stacked("line_deviations"),
            shape=stacked("shape"),
            shape_deviations=stacked("shape_deviations"),
        )

    def beyond(self, rpm: NDArray[np.float64], which: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how far speeds are beyond those of each point (m, p), as a ratio.

        Args:
            rpm: (m,).
            which: (m,), the baseline of each. Infinite where it has no such point.
        """
        speed = np.maximum(rpm, np.finfo(float).tiny)[:, None]
        found = np.maximum(speed / self.fastest[which], self.slowest[which] / speed) - 1
        return np.where(np.isnan(found), np.inf, np.maximum(found, 0))
