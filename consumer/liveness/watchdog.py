"""Ends a process whose loop stands still, so that whoever supervises it starts another."""

import os
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

TICK: Final = 1.0
"""Seconds between two looks."""


class Watchdog:
    """Calls for the end when nobody has fed it for too long.

    A call of the Kafka client may hang beyond its own timeout: librdkafka 2.16 was seen to do so in
    `send_offsets_to_transaction`. A thread of its own notices, since the client releases the
    interpreter meanwhile. It counts its own ticks and not the time, because a process that was
    stopped and continues has not hung.
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
        self._hungry = 0.0

    def start(self) -> None:
        """Watch from now on, until the process ends."""
        threading.Thread(target=self.watch, name="watchdog", daemon=True).start()

    def feed(self) -> None:
        """Say that all is well."""
        self._hungry = 0.0

    def watch(self) -> None:
        """Look until it is time to end; `start` runs this in a thread."""
        while self._hungry < self._limit:
            self._sleep(TICK)
            self._hungry += TICK
        structlog.get_logger("consumer").error(
            "the Kafka client hangs; ending, so that another consumer can take over",
            seconds=self._limit,
        )
        self._end(1)
