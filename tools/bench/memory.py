"""How much memory a process has: looked at every second, by a thread of its own."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high
from typing import Any, Final, Self

import psutil

MIB: Final = 1024 * 1024

LOOK_PAUSE: Final = 1.0
"""Seconds between two looks."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look."""

    second: float
    """Since the process started."""
    rss: int
    """Bytes of its memory that are in RAM."""
    own: int
    """Those among them that belong to no file: without programs and libraries."""


class MemoryWatch(threading.Thread):
    """Looks at a process from the beginning of a `with` block to its end.

    Attributes:
        samples: All looks so far.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(name="memory-watch", daemon=True)
        self._process = psutil.Process(pid)
        self._born = self._process.create_time()
        self._ended = threading.Event()
        self.samples: list[Sample] = []

    def run(self) -> None:
        """Look until the block or the process ends."""
        while not self._ended.wait(LOOK_PAUSE):
            try:
                found = self._process.memory_info()
            except psutil.NoSuchProcess:
                return
            # No `shared` but on Linux.
            own = found.rss - getattr(found, "shared", 0)
            self.samples.append(Sample(time.time() - self._born, found.rss, own))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def flatness(samples: Sequence[Sample], settled_after: float) -> dict[str, Any]:
    """How much memory grew from a moment on.

    Args:
        samples: In order.
        settled_after: Seconds since the start of the process; what comes before is its warming up.

    Returns:
        In MiB: `start`, the median of the first minute after that moment; `end`, of the last
        minute; `highest` and `lowest` after it; `peak` of all. `growth` is `highest` over `start`,
        less 1. Figures are None when the process did not live a minute beyond.
    """
    late = [sample for sample in samples if sample.second >= settled_after]
    figures: dict[str, Any] = {
        "settled_after_s": settled_after,
        "peak_mib": _mib(max((sample.rss for sample in samples), default=0)),
    }
    names = ("start_mib", "end_mib", "highest_mib", "lowest_mib", "growth", "own_growth")
    if not late or late[-1].second < settled_after + 60:
        return figures | dict.fromkeys(names)
    first = [sample for sample in late if sample.second < settled_after + 60]
    last = [sample for sample in late if sample.second > late[-1].second - 60]
    start, own_start = (median_high([s.rss for s in first]), median_high([s.own for s in first]))
    highest = max(sample.rss for sample in late)
    return figures | {
        "start_mib": _mib(start),
        "end_mib": _mib(median_high([sample.rss for sample in last])),
        "highest_mib": _mib(highest),
        "lowest_mib": _mib(min(sample.rss for sample in late)),
        "growth": round(highest / start - 1, 4),
        "own_growth": round(max(sample.own for sample in late) / own_start - 1, 4),
    }


def _mib(size: int) -> float:
    return round(size / MIB, 1)
