"""The history of a sensor in bounded memory: the newest measurements singly, older ones merged.

As in a round-robin database, each tier is a ring of points. The first holds single measurements;
when `FACTOR` of them have arrived, their mean becomes one point of the next tier, and so on. With
64 points, four tiers span 262,144 measurements: half a day at six a second, ten years at three an
hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS
from bearing_stream.wire import Diagnosis

FACTOR: Final = 16
"""Points of a tier that make one point of the next."""

TIERS: Final = 4

VALUES: Final = (
    *FAULT_LABELS,
    *("rms", "peak", "crest_factor", "kurtosis", "velocity_rms"),
    *("outer", "inner", "ball", "change", "novelty", "latency"),
)
"""Names of a point's values: probabilities by label, condition indicators in the units of the
diagnosis, heights of lines and change in standard deviations, novelty, and latency in ms."""

Floats = NDArray[np.float32]


def values_of(diagnosis: Diagnosis) -> list[float | None]:
    """Return the values of a diagnosis in the order of `VALUES`; None for one that it lacks."""
    indicators, evidence = diagnosis.indicators, diagnosis.evidence
    values: list[float | None] = [diagnosis.probabilities.get(label) for label in FAULT_LABELS]
    if indicators is None:
        values += [None] * 5
    else:
        values += [indicators.rms, indicators.peak, indicators.crest_factor]
        values += [indicators.kurtosis, indicators.velocity_rms]
    if evidence is None:
        values += [None] * 4
    else:
        values += [evidence.outer_sigma, evidence.inner_sigma, evidence.ball_sigma]
        values.append(evidence.change_sigma)
    return [*values, diagnosis.novelty, diagnosis.latency_ms.total]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of a history, the oldest first.

    Args:
        times: (n,) float64, seconds since the epoch, not decreasing.
        codes: (n,) uint8, of `states.LETTERS`: the worst of the measurements of a point.
        values: (n, 15) float32, columns as in `VALUES`: means, NaN where there is none.
        counts: (n,) int64, measurements of each point.
    """

    times: NDArray[np.float64]
    codes: NDArray[np.uint8]
    values: Floats
    counts: NDArray[np.int64]


class _Tier:
    """A ring of points."""

    __slots__ = ("_codes", "_size", "_times", "_values", "added")

    def __init__(self, size: int) -> None:
        self._size = size
        self.added = 0
        length = min(size, FACTOR)
        self._times = np.zeros(length)
        self._codes = np.zeros(length, np.uint8)
        self._values = np.zeros((length, len(VALUES)), np.float32)

    def add(self, time: float, code: int, values: Sequence[float | None] | Floats) -> None:
        if self.added == len(self._times) < self._size:
            self._grow()
        place = self.added % len(self._times)
        self._times[place], self._codes[place], self._values[place] = time, code, values
        self.added += 1

    def newest(self, count: int) -> tuple[NDArray[np.float64], NDArray[np.uint8], Floats]:
        """Return the newest points, in the order in which they were added."""
        places = np.arange(max(0, self.added - min(count, len(self._times))), self.added)
        places %= len(self._times)
        return self._times[places], self._codes[places], self._values[places]

    def _grow(self) -> None:
        """Double the length: most sensors of a fleet have few measurements."""
        length = min(self._size, 2 * len(self._times))
        self._times = np.resize(self._times, length)
        self._codes = np.resize(self._codes, length)
        self._values = np.resize(self._values, (length, len(VALUES)))


class History:
    """The history of one sensor."""

    __slots__ = ("_size", "_tiers")

    def __init__(self, size: int) -> None:
        """Start empty.

        Args:
            size: Points of a tier, at least twice `FACTOR`.
        """
        self._size = size
        self._tiers = [_Tier(size)]

    @property
    def measurements(self) -> int:
        """How many measurements were added."""
        return self._tiers[0].added

    def add(self, time: float, code: int, values: Sequence[float | None]) -> None:
        """Add a measurement.

        Args:
            time: Seconds since the epoch.
            code: Of its state, the index in `states.LETTERS`.
            values: In the order of `VALUES`.
        """
        self._tiers[0].add(time, code, values)
        for level in range(1, TIERS):
            below = self._tiers[level - 1]
            if below.added % FACTOR:
                return
            if level == len(self._tiers):
                self._tiers.append(_Tier(self._size))
            times, codes, merged = below.newest(FACTOR)
            self._tiers[level].add(float(times.mean()), int(codes.max()), _mean(merged))

    def recent(self, count: int) -> tuple[NDArray[np.uint8], Floats]:
        """Return the codes (n,) and the values (n, 15) of the newest measurements."""
        _, codes, values = self._tiers[0].newest(count)
        return codes, values

    def points(self) -> Points:
        """Return the history: each measurement from the oldest kept one on is in one point."""
        parts = []
        end = self.measurements
        for level, tier in enumerate(self._tiers):
            weight = FACTOR**level
            oldest = begin = max(0, tier.added - self._size)
            if level + 1 < len(self._tiers):
                # Where points of the next tier meet.
                begin = -(-begin // FACTOR) * FACTOR
            count = end // weight - begin
            chosen = slice(begin - oldest, begin - oldest + count)
            kept = tuple(each[chosen] for each in tier.newest(self._size))
            parts.append((*kept, np.full(count, weight)))
            end = begin * weight
            if not end:
                break
        times, codes, values, counts = (
            np.concatenate(each) for each in zip(*reversed(parts), strict=True)
        )
        # Measurements may arrive out of order.
        order = np.argsort(times, kind="stable")
        return Points(times[order], codes[order], values[order], counts[order])


def _mean(values: Floats) -> Floats:
    """Return the means of columns over the rows in which they are present, NaN where in none."""
    present = ~np.isnan(values)
    counts = present.sum(axis=0)
    sums = np.where(present, values, 0).sum(axis=0, dtype=np.float64)
    means = sums / np.maximum(counts, 1)
    return np.where(counts, means, np.nan).astype(np.float32)
