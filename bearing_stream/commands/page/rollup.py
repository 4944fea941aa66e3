"""Counts of sensors by state, for every prefix of their sources: plant, line, machine."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from bearing_stream.commands.page.changes import Changes

DEPTH: Final = 6
"""Segments of a source that are counted; deeper ones count in the sixth."""

TOTAL: Final = "sensors"
"""Key under which each group counts its sensors, next to the states."""


def prefixes(source: str) -> list[str]:
    """Return the groups of a source, from the whole fleet, `""`, to the source itself.

    `/plant-2/line-1/pump-7` is in "", "plant-2", "plant-2/line-1" and "plant-2/line-1/pump-7".
    """
    segments = [segment for segment in source.split("/") if segment][:DEPTH]
    return ["/".join(segments[:length]) for length in range(len(segments) + 1)]


class Rollup:
    """Counts of the states in each group of sources; a group without sensors does not exist.

    Attributes:
        changes: Which groups have changed.
    """

    def __init__(self) -> None:
        self.changes = Changes[str]()
        self._groups: dict[str, Counter[str]] = {}

    def move(self, source: str, before: Sequence[str], after: Sequence[str]) -> None:
        """Count a sensor under other states.

        Args:
            source: Of the sensor.
            before: The states that it was counted under, none for a new sensor.
            after: Those that it has now, none for a sensor that is removed.
        """
        if before == after:
            return
        old, new = Counter(before), Counter(after)
        for name in prefixes(source):
            group = self._groups.setdefault(name, Counter())
            group.update(new)
            group.subtract(old)
            for state in [state for state, count in group.items() if not count]:
                del group[state]
            if group:
                self.changes.touch(name)
            else:
                del self._groups[name]
                self.changes.remove(name)

    def counts(self, name: str) -> dict[str, int]:
        """Return the counts of a group by state, without those that are 0."""
        return dict(self._groups[name])

    def names(self) -> Iterator[str]:
        """The groups that exist."""
        return iter(self._groups)
