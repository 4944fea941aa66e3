"""Calls of the Kafka client that may not return in the time that they were given."""

import queue
import threading
from collections.abc import Callable
from typing import Any

from bearing_stream.kafka.errors import TransientKafkaError
from consumer.liveness import budget


class DeadlineCaller:
    """Calls in a worker thread, and gives a call up that does not return.

    One thread serves all calls. A call that hangs keeps its thread, with all that it holds, and the
    next call gets a new one; if the hanging call returns after all, its thread ends.
    """

    def __init__(self) -> None:
        """Start no thread yet."""
        self._worker: Worker | None = None

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call, and wait for the call to return.

        Args:
            function: A method of the client.
            *arguments: Of it, the last being its timeout in seconds.

        Raises:
            TransientKafkaError: The call has not returned in time.
            Exception: Whatever the call raised.
        """
        *_, timeout = arguments
        if self._worker is None:
            self._worker = Worker()
        try:
            self._worker.begin(function, arguments)
            error = self._worker.result(timeout + budget.HANG)
        except queue.Empty:
            self._worker.leave()
            self._worker = None
            raise TransientKafkaError(
                f"the Kafka client hangs beyond the {timeout:.3g} s it was given"
            ) from None
        if error is not None:
            raise error

    def close(self) -> None:
        """End the thread."""
        if self._worker is not None:
            self._worker.leave()
            self._worker = None


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
