"""Counts the alarms that are put before operators, and finds floods of them.

EEMUA 191 counts annunciated alarms in 10 minutes. A flood begins with more than 10 in that time,
and ends with fewer than 5; ISA-18.2 has the same figures.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

PERIOD: Final = 600.0
"""Seconds over which alarms are counted."""

FLOOD_ABOVE: Final = 10
"""With more in a period, a flood begins."""

FLOOD_ENDS_BELOW: Final = 5
"""With fewer in a period, it ends."""


class Annunciated(NamedTuple):
    """Alarms that were annunciated together.

    Args:
        at: When, in seconds of the clock that is used throughout.
        partition: Of their sensors.
        many: How many they are.
    """

    at: float
    partition: int
    many: int


@dataclass(frozen=True, slots=True)
class Annunciations:
    """The alarms of the last period; never changed, so any thread may read it.

    Args:
        recent: Those of the last period when this was made, in order.
        flooded: Seconds of floods until then.
        since: When it was made, if there was a flood then; else None.
    """

    recent: tuple[Annunciated, ...] = ()
    flooded: float = 0.0
    since: float | None = None

    def replaced(self, recent: Iterable[Annunciated], now: float) -> "Annunciations":
        """Return what follows if these were annunciated; `now` is no earlier than in calls before.

        Args:
            recent: In any order; what is older than a period is dropped.
            now: Seconds.
        """
        kept = tuple(sorted(one for one in recent if one.at > now - PERIOD))
        count = sum(one.many for one in kept)
        floods = count >= FLOOD_ENDS_BELOW if self.is_flood(now) else count > FLOOD_ABOVE
        return Annunciations(kept, self.flood_seconds(now), now if floods else None)

    def count(self, now: float) -> int:
        """Return how many were annunciated in the period before `now`."""
        return sum(one.many for one in self.recent if one.at > now - PERIOD)

    def is_flood(self, now: float) -> bool:
        """Whether a flood has begun and not ended."""
        return self.since is not None and self.count(now) >= FLOOD_ENDS_BELOW

    def flood_seconds(self, now: float) -> float:
        """Return the seconds of all floods until `now`."""
        if self.since is None:
            return self.flooded
        return self.flooded + min(now, self._ends_at()) - self.since

    def _ends_at(self) -> float:
        """Return when the flood ends if nothing more is annunciated."""
        left = FLOOD_ENDS_BELOW
        for one in reversed(self.recent):
            left -= one.many
            if left <= 0:
                return one.at + PERIOD
        raise AssertionError("a flood has at least as many as it ends below")
