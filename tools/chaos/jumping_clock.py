"""`bearing-stream` on a machine whose wall clock jumps.

`python -m tools.chaos.jumping_clock consume …` moves what Python reads as the time by up to a day,
back and forth, every tenth of a second. Durations use the monotonic clock, and must not change.
"""

import random
import runpy
import time
from typing import Final

DAY: Final = 86_400.0

PERIOD: Final = 0.1
"""Seconds between two jumps."""

_real_time = time.time


def jumping_time() -> float:
    """Return a wrong time, in seconds since the epoch."""
    now = _real_time()
    return now + random.Random(int(now / PERIOD)).uniform(-DAY, DAY)


if __name__ == "__main__":
    time.time = jumping_time
    runpy.run_module("bearing_stream", run_name="__main__", alter_sys=True)
