"""When to try again, and when the next message may be sent."""

import random
import time
from collections import deque
from collections.abc import Callable
from typing import Final

FIRST_PAUSE: Final = 1.0
"""Seconds."""

LONGEST_RETRY_AFTER: Final = 3600.0
"""Seconds; a receiver that asks for more is tried again after this."""

MINUTE: Final = 60.0


class Backoff:
    """Pauses that grow, each with a random part, so that senders do not retry in step."""

    def __init__(self, longest: float, draw: Callable[[], float] = random.random) -> None:
        """Begin with the first pause.

        Args:
            longest: Seconds.
            draw: Returns a random number from 0 to 1.
        """
        self._longest = longest
        self._draw = draw
        self._next = FIRST_PAUSE

    def pause(self, at_least: float = 0.0) -> float:
        """Return the seconds until the next attempt, no less than the receiver asks for."""
        pause = min(self._next, self._longest)
        self._next = min(2 * self._next, self._longest)
        return max(pause * (1 - self._draw() / 2), min(at_least, LONGEST_RETRY_AFTER))


class RateLimit:
    """At most so many messages in any minute."""

    def __init__(self, most: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Permit all at first.

        Args:
            most: Messages in any 60 s; None: no limit.
            clock: Monotonic seconds.
        """
        self._sent: deque[float] | None = None if most is None else deque(maxlen=most)
        self._clock = clock

    def wait(self) -> float:
        """Return the seconds until the next message may be sent, 0 if it may be now."""
        if self._sent is None or len(self._sent) < (self._sent.maxlen or 0):
            return 0.0
        return max(0.0, self._sent[0] + MINUTE - self._clock())

    def note(self) -> None:
        """Count a message that was sent."""
        if self._sent is not None:
            self._sent.append(self._clock())
