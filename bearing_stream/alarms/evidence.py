"""Evidence accumulated over the last windows of a sensor: exact sums of integers.

The sums are updated, never computed anew, and are the same in whatever order measurements were
added: integers have no rounding. So evidence that was saved and loaded goes on identically.
"""

import sys
from array import array
from base64 import b64decode, b64encode
from math import exp
from typing import Final

from bearing_stream.alarms.observation import (
    BITS,
    INDICATORS,
    LINES,
    LOG_STEPS,
    NETWORK,
    SIGMA_STEPS,
    USABLE,
    VELOCITY,
    WITH_INDICATORS,
)
from bearing_stream.vocabulary import FAULT_LABELS

COLUMNS: Final = 2 + len(FAULT_LABELS) + 4 + len(INDICATORS)
"""Of a measurement: windows, mask, logarithms of probabilities, heights of lines, logarithms of
indicators."""

_LOGS: Final = len(FAULT_LABELS)
_SIGMAS: Final = _LOGS + 4

Row = tuple[int, ...]

_SETS: dict[int, tuple[int, ...]] = {}
"""Mask → its bits as 0 and 1, of all masks met so far: a few dozen."""


def bits_of(mask: int) -> tuple[int, ...]:
    """Return the bits of a mask as 0 and 1, in the order of `BITS`."""
    found = _SETS.get(mask)
    if found is None:
        found = _SETS[mask] = tuple(mask >> bit & 1 for bit in range(len(BITS)))
    return found


class Evidence:
    """The last measurements of a sensor, and the sums over them.

    They have `capacity` windows or more together, if so many have come, and no more measurements
    than that takes.

    Attributes:
        capacity: Windows that are accumulated.
        windows: Windows in the sums: `capacity` or more, unless too few have come yet.
        counts: (18,), windows with each of `BITS`.
    """

    __slots__ = ("_rows", "_times", "_values", "capacity", "counts", "windows")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._rows = array("i")
        self._times = array("q")
        self.clear()

    def clear(self) -> None:
        """Forget all measurements."""
        del self._rows[:], self._times[:]
        self.windows = 0
        self.counts = [0] * len(BITS)
        self._values = [0] * (COLUMNS - 2)

    def __contains__(self, time: int) -> bool:
        """Whether a measurement of this time, in µs, is among those accumulated."""
        return time in self._times

    def add(self, time: int, row: Row) -> None:
        """Add a measurement of `COLUMNS` numbers, and drop the oldest ones that are one too many.

        Values that do not count must be zero.
        """
        rows = self._rows
        windows = row[0]
        while rows and self.windows + windows - rows[0] >= self.capacity:
            self._drop()
        rows.extend(row)
        self._times.append(time)
        self.windows += windows
        if windows == 1:
            self._values = [s + v for s, v in zip(self._values, row[2:], strict=True)]
            self.counts = [s + v for s, v in zip(self.counts, bits_of(row[1]), strict=True)]
        else:
            self._change(row, windows)

    def _drop(self) -> None:
        row = self._rows[:COLUMNS]
        del self._rows[:COLUMNS], self._times[:1]
        self.windows -= row[0]
        self._change(row, -row[0])

    def _change(self, row: "Row | array[int]", times: int) -> None:
        self._values = [s + v * times for s, v in zip(self._values, row[2:], strict=True)]
        bits = bits_of(row[1])
        self.counts = [s + v * times for s, v in zip(self.counts, bits, strict=True)]

    def resize(self, capacity: int) -> None:
        """Accumulate another number of windows from now on, keeping the latest measurements."""
        rows, times = self._rows, self._times
        self.capacity, self._rows, self._times = capacity, array("i"), array("q")
        self.clear()
        for i, time in enumerate(times):
            windows, *values = rows[i * COLUMNS : (i + 1) * COLUMNS]
            self.add(time, (min(windows, capacity), *values))

    def probabilities(self) -> tuple[float, ...]:
        """Return the normalised geometric means of the probabilities of the usable windows (4,).

        In the order of `FAULT_LABELS`. There must be usable windows.
        """
        scale = LOG_STEPS * self.counts[USABLE]
        logs = [value / scale for value in self._values[:_LOGS]]
        most = max(logs)
        powers = [exp(value - most) for value in logs]
        total = sum(powers)
        return tuple([power / total for power in powers])

    def network_share(self) -> float:
        """Return the share of the usable windows in which the network decided."""
        return self.counts[NETWORK] / self.counts[USABLE]

    def sigmas(self) -> tuple[float, ...] | None:
        """Return the means (4,) in standard deviations; None without physical evidence.

        They are the heights of the lines of outer race, inner race and ball, and the change.
        """
        if not self.counts[LINES]:
            return None
        scale = SIGMA_STEPS * self.counts[LINES]
        return tuple([value / scale for value in self._values[_LOGS:_SIGMAS]])

    def indicator(self, column: int) -> float | None:
        """Return the mean logarithm of an indicator of `INDICATORS`; None if no window has it."""
        bit = VELOCITY if INDICATORS[column] == "velocity_rms" else WITH_INDICATORS
        if not (count := self.counts[bit]):
            return None
        return self._values[_SIGMAS + column] / (LOG_STEPS * count)

    def dump(self) -> list[str]:
        """Return times and rows as text, for `load`."""
        return [b64encode(_little(part).tobytes()).decode() for part in (self._times, self._rows)]

    @classmethod
    def load(cls, capacity: int, dumped: list[str]) -> "Evidence":
        """Return the evidence that was dumped, with this capacity; raises ValueError if not so."""
        evidence = cls(capacity)
        evidence._times.frombytes(b64decode(dumped[0]))
        evidence._rows.frombytes(b64decode(dumped[1]))
        evidence._times, evidence._rows = _little(evidence._times), _little(evidence._rows)
        if len(evidence._rows) != COLUMNS * len(evidence._times):
            raise ValueError(
                f"expected {COLUMNS} numbers for each of {len(evidence._times)} measurements, got "
                f"{len(evidence._rows)}"
            )
        evidence.resize(capacity)
        return evidence


def _little(numbers: "array[int]") -> "array[int]":
    """Return numbers in the byte order of little-endian machines, in which they are saved."""
    if sys.byteorder == "little":
        return numbers
    swapped = numbers[:]
    swapped.byteswap()
    return swapped
