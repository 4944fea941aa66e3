"""Calls of the Kafka client that may never return."""

import queue
import threading
from collections.abc import Callable
from typing import Any, Final

from bearing_stream.kafka import TransientKafkaError

GRACE: Final = 2.0
"""Seconds beyond its own timeout after which a call counts as hung."""


def call_with_deadline(call: Callable[..., Any], *arguments: Any) -> None:
    """Call with a timeout, and return even if the call does not.

    The call runs in a thread of its own. If it hangs, the thread keeps running with
    everything that it references, and ends if the call returns after all.

    Args:
        call: A method of the client.
        *arguments: Its arguments; the last is its timeout in seconds.

    Raises:
        TransientKafkaError: The call has not returned `GRACE` seconds after its timeout.
        Exception: Any exception of the call.
    """
    *_, timeout = arguments
    outcome: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    threading.Thread(
        target=_run, args=(outcome, call, arguments), name="kafka-call", daemon=True
    ).start()
    try:
        error = outcome.get(timeout=timeout + GRACE)
    except queue.Empty:
        raise TransientKafkaError(
            f"the Kafka client hangs beyond its timeout of {timeout:.3g} s"
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
