"""SIGTERM and SIGINT: finish in order, and within ten seconds whatever Kafka does."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

SHUTDOWN_LIMIT: Final = 9.5
"""Seconds after a signal at which the process ends whatever it is doing. Nothing is lost by that:
what is not committed, the next consumer does again."""


def stop_on_signals(stop: Callable[[], bool]) -> None:
    """Call `stop` when SIGTERM or SIGINT comes, and see to it that the process then ends.

    A thread of its own hears the signal: the main thread may stand in a call of the Kafka client,
    where Python runs no signal handler until the call returns.

    Args:
        stop: Asks the service to finish; returns False if there is nothing to finish, and the
            process ends at once.
    """
    heard, told = os.pipe()
    os.set_blocking(told, False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave_it_to_the_thread)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(heard, stop), name="signals", daemon=True).start()


def _leave_it_to_the_thread(_number: int, _frame: object) -> None:
    """Keep Python from its own way with the signal, which is to end the process there and then."""


def _listen(heard: int, stop: Callable[[], bool]) -> None:
    name = signal.Signals(os.read(heard, 1)[0]).name
    log = structlog.get_logger("consumer")
    log.info("stopping", signal=name)
    if not stop():
        os._exit(0)
    time.sleep(SHUTDOWN_LIMIT)
    log.error("Kafka does not answer; leaving what is in flight to the next consumer")
    os._exit(1)
