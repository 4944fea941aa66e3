"""SIGTERM and SIGINT: an orderly end, and within ten seconds even if Kafka does not respond."""

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from consumer import events
from consumer.liveness import budget

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
"""Those that ask a process to stop."""

SHUTDOWN_LIMIT: Final = budget.SHUTDOWN
"""Seconds after a signal at which the process ends, even in the middle of a call. No window is lost
by that: the next consumer repeats what is not committed."""


@contextmanager
def stopping_on_signals(stop: Callable[[], bool]) -> Iterator[None]:
    """Call `stop` when SIGTERM or SIGINT arrives in the block; ensure that the process then ends.

    A second signal ends it at once. If none has arrived, nothing of this remains after the block.

    A thread of its own receives the signal: the main thread may be blocked in a call of the Kafka
    client, and Python runs no signal handler until the call returns.

    Args:
        stop: Asks the service to finish; returns False if there is nothing to finish, and the
            process ends at once. Called in the other thread.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    handlers = {number: signal.signal(number, _leave_to_thread) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    arrived = threading.Event()
    thread = threading.Thread(
        target=_listen, args=(read_end, stop, arrived), name="signals", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        # After a signal the thread limits the time up to the end of the process, not of the block.
        if not arrived.is_set():
            signal.set_wakeup_fd(wakeup)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            os.close(write_end)
            thread.join()


def _leave_to_thread(_number: int, _frame: object) -> None:
    """Replace the default action of the signal, which ends the process at once."""


def _listen(read_end: int, stop: Callable[[], bool], arrived: threading.Event) -> None:
    first = os.read(read_end, 1)
    if not first:
        os.close(read_end)
        return
    arrived.set()
    name = signal.Signals(first[0]).name
    events.emit(events.STOPPING, signal=name)
    if not stop():
        os._exit(0)
    again, _, _ = select.select([read_end], [], [], SHUTDOWN_LIMIT)
    if again:
        events.emit(events.STOPPED_AT_ONCE, signal=signal.Signals(os.read(read_end, 1)[0]).name)
        os._exit(1)
    events.emit(
        events.SHUTDOWN_TIMED_OUT,
        seconds=SHUTDOWN_LIMIT,
        detail="Kafka does not respond; the next consumer repeats what is in flight",
    )
    os._exit(1)
