"""`bearing-stream` on a machine whose wall clock jumps: `python -m chaos.jumping_clock consume …`.

By up to a day, back and forth, every tenth of a second. It reaches what Python asks of the time;
durations go by the monotonic clock, and must not notice.
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
    """Seconds since the epoch, wrong."""
    now = _real_time()
    return now + random.Random(int(now / PERIOD)).uniform(-DAY, DAY)


if __name__ == "__main__":
    time.time = jumping_time
    runpy.run_module("cli", run_name="__main__", alter_sys=True)
