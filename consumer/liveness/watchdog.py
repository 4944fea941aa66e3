"""Ends a process whose loop hangs, so that its supervisor starts another."""

import faulthandler
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from consumer import events

TICK: Final = 1.0
"""Seconds between two checks."""


class Watchdog:
    """Ends the process when the loop has not called `feed` for too long.

    A call of the Kafka client may hang beyond its own timeout: librdkafka 2.16 was seen to do so in
    `send_offsets_to_transaction`. A thread of its own detects that, since the client releases the
    interpreter meanwhile. It counts its own ticks instead of reading a clock, because a process
    that was frozen and continues has not hung.
    """

    def __init__(
        self,
        limit: float,
        end: Callable[[int], object] = os._exit,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up; nothing is watched before `start`.

        Args:
            limit: Seconds without `feed` after which it ends the process, with status 1.
            end: Ends the process.
            sleep: Waits some seconds.
        """
        self._limit = limit
        self._end = end
        self._sleep = sleep
        self._unfed_seconds = 0.0
        self._stopped = False

    def start(self) -> None:
        """Watch from now on, until `stop`."""
        threading.Thread(target=self.watch, name="watchdog", daemon=True).start()

    @property
    def unfed_seconds(self) -> float:
        """Seconds since the last `feed`, in whole ticks."""
        return self._unfed_seconds

    def feed(self) -> None:
        """Reset the time that is counted towards the limit."""
        self._unfed_seconds = 0.0

    def stop(self) -> None:
        """Watch no more: the loop has ended, and what runs in the process now is not its loop."""
        self._stopped = True

    def watch(self) -> None:
        """Check until it is time to end the process; `start` runs this in a thread."""
        while self._unfed_seconds < self._limit:
            self._sleep(TICK)
            if self._stopped:
                return
            self._unfed_seconds += TICK
        events.emit(
            events.CLIENT_HUNG,
            seconds=self._limit,
            detail="the process ends, so that another consumer can take over",
        )
        # Where every thread is: the only trace of what hung.
        faulthandler.dump_traceback(all_threads=True)
        self._end(1)
