"""Starts a program for each event, with the event on its standard input."""

import math
import os
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, Final

from bearing_stream.alarms.rules import SECOND
from bearing_stream.commands.alarms.notify.notification import Notification
from bearing_stream.commands.alarms.notify.receivers import Program
from bearing_stream.commands.alarms.notify.senders.base import (
    STOP_GRACE,
    TICK,
    RefusedError,
    Sender,
    UnavailableError,
)
from bearing_stream.commands.terminal import printable

INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""Variables that a program inherits: not those with the secrets of Kafka and other receivers."""

KEY_VARIABLE: Final = "BEARING_STREAM_IDEMPOTENCY_KEY"
"""Variable that holds the key for deduplication."""

TEMPORARY: Final = os.EX_TEMPFAIL
"""Exit status (sysexits.h, 75) that asks for a later attempt."""

EXCERPT: Final = 200
"""Characters of what a program prints that are logged."""


class ProgramSender(Sender):
    """Starts one program."""

    def __init__(self, receiver: Program) -> None:
        """Set up."""
        self._receiver = receiver
        self._stop_at = math.inf

    def send(self, notification: Notification) -> None:
        """Run the program to its end; what it started is ended with it where it takes too long."""
        # Files, not pipes: a program need not read its input, and what it leaves running in the
        # background may keep its standard error open.
        with TemporaryFile() as given, TemporaryFile() as printed:
            given.write(notification.body)
            given.seek(0)
            status = self._run(given, printed, self._environment(notification))
            printed.seek(0)
            text = printed.read(4 * EXCERPT).decode(errors="replace")
        if status == 0:
            return
        text = printable(" ".join(text.split()))[:EXCERPT]
        reason = f"status {status}" + (f": {text}" if text else "")
        if status == TEMPORARY or status < 0:
            raise UnavailableError(reason)
        raise RefusedError(reason)

    def preview(self, notification: Notification) -> str:
        """Return the command line and the standard input."""
        line = f"{KEY_VARIABLE}={notification.key} {shlex.join(self._receiver.argv)}"
        return f"{line}\n\n{notification.body.decode(errors='replace')}"

    def stop(self) -> None:
        """Give a running program some seconds to end."""
        self._stop_at = time.monotonic() + STOP_GRACE

    def _environment(self, notification: Notification) -> dict[str, str]:
        names = (*INHERITED, *self._receiver.environment)
        found = {name: os.environ[name] for name in names if name in os.environ}
        return found | {KEY_VARIABLE: notification.key}

    def _run(self, given: IO[bytes], printed: IO[bytes], environment: dict[str, str]) -> int:
        """Return the exit status, negative for a signal.

        Raises:
            UnavailableError: It cannot be started, or runs too long.
        """
        timeout = self._receiver.timeout / SECOND
        deadline = time.monotonic() + timeout
        try:
            process = subprocess.Popen(
                self._receiver.argv,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=printed,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise UnavailableError(f"it cannot be started: {error}") from None
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(TICK)
            if time.monotonic() > min(deadline, self._stop_at):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise UnavailableError(f"it was ended: it may take {timeout:g} s")
