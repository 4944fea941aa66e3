"""Bounds an attempt to send as a whole: the timeout of a socket bounds each read of it only.

An attempt runs in a thread of its own. When its time is up, its connections are shut down, which
ends every call that waits for them. What cannot be ended, such as the resolution of a host name,
is left to end by itself, and sends nothing after that.
"""

import math
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from bearing_stream.commands.alarms.notify.senders.base import STOP_GRACE, TICK, UnavailableError

END_GRACE: Final = 1.0
"""Seconds for an attempt to end after its connections were shut down."""

T = TypeVar("T")


class Attempt:
    """One attempt; its thread calls everything but `end`."""

    def __init__(self, seconds: float) -> None:
        """Permit connections from now on, of which each read may take so many seconds."""
        self._seconds = seconds
        self._lock = threading.Lock()
        self._ended = ""
        self._held: list[socket.socket] = []

    def connect(self, address: tuple[str, int], *_: Any) -> socket.socket:
        """Return a connection, as `socket.create_connection` does.

        Raises:
            OSError: There is none, or the time is up.
        """
        connection = socket.create_connection(address, self._seconds)
        with self._lock:
            if not self._ended:
                # A duplicate: TLS takes the descriptor of the socket itself.
                self._held.append(connection.dup())
                return connection
        connection.close()
        raise TimeoutError(self._ended)

    def check(self) -> None:
        """Do nothing while there is time.

        Raises:
            UnavailableError: The time is up, and what was read since then may be cut short.
        """
        if self._ended:
            raise UnavailableError(self._ended)

    def end(self, reason: str) -> None:
        """Shut the connections down, for a reason; no other can be opened."""
        with self._lock:
            self._ended = reason
            for each in self._held:
                # It may be closed by the peer.
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self._held.clear()


class TimeLimit:
    """How long each attempt of a sender may take."""

    def __init__(self, seconds: float) -> None:
        """Set up."""
        self._seconds = seconds
        self._stop_at = math.inf

    def stop(self) -> None:
        """Give the attempt in flight, and later ones, some seconds to end; for any thread."""
        self._stop_at = time.monotonic() + STOP_GRACE

    def run(self, act: Callable[[Attempt], T]) -> T:
        """Make an attempt.

        Args:
            act: Opens its connections by `Attempt.connect`, and calls `Attempt.check` before it
                takes for a response what may be cut short.

        Raises:
            UnavailableError: The time is up, and the attempt cannot be ended.
            Exception: What `act` raises.
        """
        attempt, outcome = Attempt(self._seconds), Future[T]()
        deadline = time.monotonic() + self._seconds
        thread = threading.Thread(
            target=_act, args=(act, attempt, outcome), name="attempt", daemon=True
        )
        thread.start()
        try:
            while (left := min(deadline, self._stop_at) - time.monotonic()) > 0:
                thread.join(min(left, TICK))
                if not thread.is_alive():
                    break
        finally:
            attempt.end(self._reason(deadline))
        thread.join(END_GRACE)
        if not outcome.done():
            attempt.check()
        return outcome.result()

    def _reason(self, deadline: float) -> str:
        if self._stop_at < deadline:
            return "it was ended: the process stops"
        return f"timed out: an attempt may take {self._seconds:g} s"


def _act(act: Callable[[Attempt], T], attempt: Attempt, outcome: "Future[T]") -> None:
    try:
        outcome.set_result(act(attempt))
    except BaseException as error:
        outcome.set_exception(error)
