"""For how long a transaction that is open has kept what follows it from being read."""

from collections.abc import Hashable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

UNDECIDED_FOR: Final = 60.0
"""Seconds for which a transaction may keep a partition waiting. Longer ones are legal, and nothing
behind them can be read."""

K = TypeVar("K", bound=Hashable)


class Ends(NamedTuple):
    """Where a partition ends."""

    stable: int
    """The last stable offset: that of the first transaction that is open, or else `high`."""
    high: int
    """The high watermark."""


class Undecided(Generic[K]):
    """Compares where partitions end with where they ended before."""

    def __init__(self) -> None:
        """Know no partition yet."""
        self._since: dict[K, tuple[int, float]] = {}

    def seconds(self, ends: Mapping[K, Ends], now: float) -> dict[K, float]:
        """Return how long the last stable offset has not moved though records follow it.

        Args:
            ends: Of each partition.
            now: Monotonic seconds.

        Returns:
            Seconds by partition, to an accuracy of the time between two calls; 0 where nothing
            follows.
        """
        since = {}
        for partition, (stable, high) in ends.items():
            known = self._since.get(partition)
            waits = known is not None and known[0] == stable < high
            since[partition] = known if waits and known is not None else (stable, now)
        self._since = since
        return {partition: now - began for partition, (_, began) in since.items()}
