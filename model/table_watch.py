"""Notices that the table of sensors or one of its baselines has changed on disk, and reads it."""

import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from model.sensors import Sensors, SensorsError, load

CHECK_INTERVAL: Final = 1.0
"""Seconds between two checks: a few system calls."""

_Stamp = tuple[int, int, int] | None
"""Time of change in ns, size and inode of a file; None if it cannot be read."""


class TableWatch:
    """Watches a table of sensors and the baselines that it names.

    A table that is invalid is read again at every check, since what is wrong may be in a file that
    is being written, or is one that the table names and that does not exist yet.
    """

    def __init__(
        self, path: Path | None, sensors: Sensors, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Watch from now on.

        Args:
            path: The table; None for the one that ships, which does not change.
            sensors: What was read from it.
            clock: Monotonic seconds.
        """
        self._path = path
        self._clock = clock
        self._checked_at = clock()
        self._digest = sensors.digest
        # None: the table may have changed after it was read, so the first check reads it again.
        self._stamps: dict[Path, _Stamp] | None = None
        self._problem = ""

    def changed(self) -> Sensors | None:
        """Return the table if its content has changed; None if not, or if it is not time to check.

        Raises:
            SensorsError: The table is invalid now; once for each problem.
        """
        now = self._clock()
        if self._path is None or now - self._checked_at < CHECK_INTERVAL:
            return None
        self._checked_at = now
        same = self._stamps is not None and all(
            _stamp(path) == stamp for path, stamp in self._stamps.items()
        )
        if same and not self._problem:
            return None
        return self._read(self._path)

    def _read(self, path: Path) -> Sensors | None:
        # The stamps come first: what changes while the table is read differs at the next check.
        self._stamps = _stamps(path)
        try:
            sensors = load(path)
        except SensorsError as error:
            if str(error) == self._problem:
                return None
            self._problem = str(error)
            raise
        recovered, self._problem = bool(self._problem), ""
        if sensors.digest == self._digest and not recovered:
            return None
        self._digest = sensors.digest
        return sensors


def _stamps(table: Path) -> dict[Path, _Stamp]:
    """Return the stamps of a table and of the baselines that it names, as far as it can be read."""
    files = [table, *(table.parent / name for name in _baselines(table))]
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _baselines(table: Path) -> list[str]:
    try:
        rows = tomllib.loads(table.read_text(encoding="utf-8"))["sensor"]
        named = [row.get("baseline") for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Not a table of sensors, as reading it reports.
        return []
    return [name for name in named if isinstance(name, str)]
