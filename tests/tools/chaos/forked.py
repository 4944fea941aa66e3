"""Consumers that start at once: forked from a process that has imported torch already.

They are still processes, which a test can freeze and kill. A consumer that `make chaos` starts
spends three seconds of a core on its imports, and these tests start thirty.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tools.chaos.member import Member

CONTEXT: Final = multiprocessing.get_context("forkserver")


class Fork:
    """The part of `subprocess.Popen` that `Member` uses, for a forked process."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self._process = CONTEXT.Process(target=_run, args=(list(arguments), log), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("consume", timeout or 0.0)
        return self._process.exitcode


class ForkedMember(Member):
    """A forked consumer. One with a jumping clock is not: it must jump before the first import."""

    def __init__(
        self, program: str, arguments: Sequence[str], log: Path, command: str = "consume"
    ) -> None:
        if program != "bearing_stream":
            super().__init__(program, arguments, log, command=command)
            return
        self.log = log
        log.touch()
        self._process: Any = Fork([command, *arguments, "--log-format=json"], log)


@contextmanager
def forked_members() -> Iterator[None]:
    """Let trials fork their consumers."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OMP_NUM_THREADS", "1")
        CONTEXT.set_forkserver_preload(
            [
                *("consumer.command", "consumer.service", "bearing_stream.cli"),
                "bearing_stream.commands.alarms.stage.process",
            ]
        )
        for module in ("trial", "alarm_trial"):
            patched.setattr(f"tools.chaos.{module}.Member", ForkedMember)
        yield


def _run(arguments: list[str], log: Path) -> None:
    os.setsid()
    file = os.open(log, os.O_WRONLY)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.argv = ["bearing-stream", *arguments]
    runpy.run_module("bearing_stream", run_name="__main__", alter_sys=True)
