"""Samples the memory of a process every second, in a thread."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high
from typing import Any, Final, Self

import psutil

MIB: Final = 1024 * 1024

SAMPLE_INTERVAL: Final = 1.0
"""Seconds between two samples."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample."""

    second: float
    """Since the process started."""
    rss: int
    """Resident set size in bytes."""
    own: int
    """The part of it that is not mapped from files, such as programs and libraries."""


class MemoryWatch(threading.Thread):
    """Samples a process from the beginning of a `with` block to its end.

    Attributes:
        samples: All samples so far.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(name="memory-watch", daemon=True)
        self._process = psutil.Process(pid)
        self._born = self._process.create_time()
        self._ended = threading.Event()
        self.samples: list[Sample] = []

    def run(self) -> None:
        """Sample until the block or the process ends."""
        while not self._ended.wait(SAMPLE_INTERVAL) and self.sample():
            pass

    def sample(self) -> bool:
        """Take a sample now; return False if the process has ended."""
        try:
            found = self._process.memory_info()
        except psutil.NoSuchProcess:
            return False
        # psutil has `shared` on Linux only.
        own = found.rss - getattr(found, "shared", 0)
        self.samples.append(Sample(time.time() - self._born, found.rss, own))
        return True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def flatness(samples: Sequence[Sample], settled_after: float) -> dict[str, Any]:
    """Return how much memory grew after a warm-up.

    Args:
        samples: In order.
        settled_after: Duration of the warm-up, in seconds since the start of the process.

    Returns:
        In MiB: `start`, the median of the first minute after the warm-up; `end`, of the last
        minute; `highest` and `lowest` after it; `peak` of all. `growth` is `highest` over `start`,
        less 1. Figures are None if the process ended less than a minute
        after the warm-up.
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
