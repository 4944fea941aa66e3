"""Calls of the Kafka client that may not return."""

import queue
import threading
from collections.abc import Callable
from typing import Any, Final

from consumer.delivery.base import Undelivered

GRACE: Final = 2.0
"""Seconds beyond its own timeout after which a call does not return any more."""


def returning(call: Callable[..., Any], *arguments: Any) -> None:
    """Call with a timeout, and see that it keeps to it.

    In a thread of its own, which is left behind with all that it holds if it does not return. What
    it waits for may still come: then it ends.

    Args:
        call: A method of the client.
        *arguments: Of it, the last being its timeout in seconds.

    Raises:
        Undelivered: It has not returned in time.
        Exception: Whatever it raised.
    """
    *_, timeout = arguments
    outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    threading.Thread(
        target=_run, args=(outcome, call, arguments), name="returning", daemon=True
    ).start()
    try:
        error = outcome.get(timeout=timeout + GRACE)
    except queue.Empty:
        raise Undelivered(
            f"the Kafka client hangs beyond the {timeout:.3g} s it was given"
        ) from None
    if error is not None:
        raise error


def _run(
    outcome: "queue.SimpleQueue[BaseException | None]",
    call: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    try:
        call(*arguments)
    except BaseException as error:
        outcome.put(error)
    else:
        outcome.put(None)
