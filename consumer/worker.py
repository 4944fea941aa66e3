"""One worker of `consume --workers N`: its process, and what that reports to the supervisor.

The supervisor is the service manager of its workers, as systemd is that of the supervisor.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from consumer.telemetry.service_manager import ALIVE, DESCRIPTOR, READY, STATUS, WELL

WORKER_VARIABLE: Final = "_BEARING_STREAM_WORKER"
"""Environment variable that holds a worker's number; its log lines have it as `worker`."""

FIRST_REPORT: Final = 180.0
"""Seconds for a worker to report for the first time. It loads its libraries before, in seconds, or
in minutes where hundreds of workers start at the same time from a slow disk."""

FROZEN_AFTER: Final = 60.0
"""Seconds for which a worker that has reported must be silent to be taken for frozen, and killed:
where all its threads stand, its own watchdog does too."""

LATE_AFTER: Final = 3.0
"""Seconds without a report, of which there is one a second, after which a worker is not ready."""

_PR_SET_PDEATHSIG: Final = 1
"""From Linux's <sys/prctl.h>."""

_LARGEST: Final = 65_536
"""Bytes of a report that are read."""


class Worker:
    """A worker, which the supervisor starts again when its process has ended.

    Attributes:
        number: Of the worker.
        process: None while none runs.
        started: When the process was started.
        start_at: When it is to be started, if none runs.
        failures: Ends in a row, each soon after the start.
        silent: Seconds since the process last reported that it is alive, or since its start.
    """

    def __init__(self, number: int, command: Sequence[str]) -> None:
        """Start nothing yet."""
        self.number = number
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.start_at = 0.0
        self.failures = 0
        self.silent = 0.0
        self._command = command
        self._report: Sequence[str] = ()
        self._reports: socket.socket | None = None

    def start(self) -> None:
        """Start the process, in a session of its own.

        Raises:
            OSError: It cannot be started; `subprocess.SubprocessError` likewise.
        """
        if self._reports is not None:
            self._reports.close()
        self.silent, self._report = 0.0, ()
        self._reports, of_process = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with of_process:
            self._reports.setblocking(False)
            of_process.setblocking(False)
            descriptor = of_process.fileno()
            self.process = subprocess.Popen(
                self._command,
                env=os.environ | {WORKER_VARIABLE: str(self.number), DESCRIPTOR: str(descriptor)},
                pass_fds=[descriptor],
                # In a session of its own: Ctrl-C in a terminal reaches only the supervisor.
                start_new_session=True,
                # This process has one thread, so no lock can be held between fork and exec.
                preexec_fn=_end_with_supervisor,
            )

    def take_reports(self, seconds: float) -> None:
        """Read what the process has reported; `seconds` have passed since the last call."""
        if self._reports is None:
            return
        self.silent += seconds
        with suppress(OSError):
            while report := self._reports.recv(_LARGEST):
                self._report = report.decode(errors="replace").split("\n")
                if ALIVE in self._report:
                    self.silent = 0.0

    @property
    def pid(self) -> int | None:
        """Of the process that runs."""
        return None if self.process is None else self.process.pid

    @property
    def longest_silence(self) -> float:
        """Seconds without a report after which it is taken for frozen."""
        return FROZEN_AFTER if self._report else FIRST_REPORT

    @property
    def is_ready(self) -> bool:
        """Whether it does its work."""
        return self.process is not None and not self._is_late and READY in self._report

    @property
    def problem(self) -> str:
        """What is wrong with it, for people; empty if nothing is."""
        if self.process is None:
            return f"worker {self.number} does not run, and is to be started"
        if self._is_late:
            return f"worker {self.number} has not reported for {self.silent:.0f} s"
        found = [field.removeprefix(STATUS) for field in self._report if field.startswith(STATUS)]
        if not found:
            return f"worker {self.number} starts"
        return "" if found[0] == WELL else f"worker {self.number}: {found[0]}"

    @property
    def _is_late(self) -> bool:
        return self.silent >= LATE_AFTER


def _end_with_supervisor() -> None:
    """In the child on Linux: ask the kernel to stop it in order when the supervisor is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
