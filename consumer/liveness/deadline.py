"""Calls of the Kafka client that may not return in the time that they were given."""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from bearing_stream.kafka.errors import TransientKafkaError
from consumer.liveness import budget


class Caller(Protocol):
    """Makes one call at a time, which may go on while something else is done."""

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Begin to call; a call that was begun before and not awaited is given up.

        Args:
            function: A method of the client.
            *arguments: Of it.
        """

    def wait(self, timeout: float) -> None:
        """Wait for the call that was begun to return.

        Args:
            timeout: Seconds within which the client was to return.

        Raises:
            TransientKafkaError: The call has not returned in time.
            Exception: Whatever the call raised.
        """

    def close(self) -> None:
        """Give up the call that was begun, and make no further one."""


class DeadlineCaller(Caller):
    """Calls in a worker thread, and gives a call up that does not return.

    One thread serves all calls. A call that hangs keeps its thread, with all that it holds, and the
    next call gets a new one; if the hanging call returns after all, its thread ends.
    """

    def __init__(self) -> None:
        """Start no thread yet."""
        self._worker: Worker | None = None
        self._is_pending = False

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        """See `Caller`."""
        if self._is_pending:
            self.close()
        if self._worker is None:
            self._worker = Worker()
        self._worker.begin(function, arguments)
        self._is_pending = True

    def wait(self, timeout: float) -> None:
        """See `Caller`."""
        assert self._worker is not None
        try:
            error = self._worker.result(timeout + budget.HANG)
        except queue.Empty:
            self.close()
            raise TransientKafkaError(
                f"the Kafka client hangs beyond the {timeout:.3g} s it was given"
            ) from None
        self._is_pending = False
        if error is not None:
            raise error

    def close(self) -> None:
        """See `Caller`; the thread ends after the call that it is in."""
        if self._worker is not None:
            self._worker.leave()
            self._worker = None
        self._is_pending = False


def call_for(seconds: float, function: Callable[[], Any]) -> None:
    """Call in a thread, and return after so many seconds at the latest: the call then goes on.

    Raises:
        Exception: Whatever the call raised meanwhile.
    """
    worker = Worker()
    worker.begin(function, ())
    worker.leave()
    with suppress(queue.Empty):
        if (error := worker.result(seconds)) is not None:
            raise error


class Worker:
    """A thread that runs one call after the other."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = (
            queue.SimpleQueue()
        )
        self._results: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="kafka-calls", daemon=True).start()

    def begin(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Have the thread call."""
        self._calls.put((function, arguments))

    def result(self, timeout: float) -> BaseException | None:
        """Return what the call raised, or None; raises `queue.Empty` after the timeout."""
        return self._results.get(timeout=timeout)

    def leave(self) -> None:
        """Let the thread end after the call that it is in."""
        self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            function, arguments = call
            try:
                function(*arguments)
            except BaseException as error:
                self._results.put(error)
            else:
                self._results.put(None)
