"""What signals do to a simulation."""

import os
import signal
import threading
from types import FrameType
from typing import Final, NoReturn, Self

from rich.console import Console

NUMBERS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


STANDARD_ERROR: Final = 2

SHOW_CURSOR: Final = "\r\x1b[?25h"


class StopSignals:
    """Handles SIGINT, SIGTERM and SIGHUP while a `with` block lasts.

    While windows are sent, the first signal sets `stop` and a second one ends the process at once.
    Before that nothing can be lost, and the first signal ends the process.

    Attributes:
        stop: Set by the first signal.
        sending: Whether windows are sent; the block sets it.
    """

    def __init__(self, console: Console) -> None:
        """Prepare; `console` is on standard error."""
        self.stop = threading.Event()
        self.sending = False
        self._console = console
        self._before = {
            number: signal.getsignal(number)
            for number in NUMBERS
            # nohup ignores SIGHUP, and it stays ignored. A shell ignores SIGINT for a background
            # process, where it is handled all the same.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        }

    def __enter__(self) -> Self:
        for number in self._before:
            signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if not self.sending or self.stop.is_set():
            self._end(number)
        self.stop.set()

    def _end(self, number: int) -> NoReturn:
        """End the process, with the exit status of shells: 128 plus the number of the signal.

        An exception would not do: the client does not pass on one that is raised during a call. And
        the signal may have interrupted the console in the middle of a line.
        """
        sent = "messages may be undelivered" if self.sending else "nothing was sent"
        # The progress line hides the cursor.
        cursor = SHOW_CURSOR if self._console.is_terminal else ""
        os.write(STANDARD_ERROR, f"{cursor}Interrupted; {sent}.\n".encode())
        os._exit(128 + number)
