"""The process between a LocalKafka and its Java: it takes Java along when its parent is gone.

Started by `processes.Keeper` as `keeper.py PARENT_PID PREFIX KEEP`, with nothing but
the standard library. However the parent dies, SIGKILL included, its end of the pipe on our standard
input closes; then every Java process is killed, a frozen one too, and the temporary folder removed.
It works the same on Linux and macOS, and needs no signal to arrive.

One JSON object a line comes in (`do` and its arguments), one goes out, with the same `request`.
We live in a session of our own, so that Ctrl-C in a terminal reaches the parent only, which
decides what ends first.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOOK_AT_PARENT_EVERY = 1.0
"""Seconds. A process that the parent forked may hold the pipe open; the parent's id still tells."""

_PR_SET_PDEATHSIG = 1
"""From Linux's <sys/prctl.h>."""


class Processes:
    """The child processes by name, and what may be done with them."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def start(
        self, name: str, arguments: list[str], folder: str, log: str, environment: dict[str, str]
    ) -> int:
        """Start a process in a folder, its output appended to a log file; returns its id.

        It has our environment, and what `environment` says beyond.
        """
        with Path(log).open("ab") as output:
            process = subprocess.Popen(
                arguments,
                cwd=folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # We have one thread, so nothing can be locked between fork and exec.
                preexec_fn=self._die_with_keeper,
            )
        self._processes[name] = process
        return process.pid

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a process; nothing happens if it has ended."""
        self._processes[name].send_signal(number)

    def status(self, name: str) -> int | None:
        """The exit status of a process, negative for a signal; None while it runs."""
        return self._processes[name].poll()

    def kill_all(self) -> None:
        """Kill every process and wait until it is gone."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()

    def _die_with_keeper(self) -> None:
        """In the child: where the kernel can, die with the keeper (`killall -9 python`)."""
        if self._prctl:
            self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def answer(processes: Processes, line: bytes) -> dict[str, Any]:
    """Do what one line asks for; the result, or the error in words."""
    request = json.loads(line)
    identity = request.pop("request")
    try:
        result = getattr(processes, request.pop("do"))(**request)
        return {"request": identity, "result": result}
    except OSError as error:
        return {"request": identity, "error": str(error)}


def serve(processes: Processes, parent: int) -> None:
    """Answer the parent line by line; returns when it has closed the pipe or is gone."""
    received = b""
    while os.getppid() == parent:
        if not select.select([0], [], [], LOOK_AT_PARENT_EVERY)[0]:
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            return
        *lines, received = (received + chunk).split(b"\n")
        for line in lines:
            os.write(1, json.dumps(answer(processes, line)).encode() + b"\n")


def main(parent: int, prefix: str, keep: str) -> None:
    """Keep processes for `parent`, in the folder `keep` or, if empty, in a temporary one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = keep or tempfile.mkdtemp(prefix=prefix)
    processes = Processes()
    try:
        os.write(1, json.dumps({"request": 0, "result": folder}).encode() + b"\n")
        with contextlib.suppress(BrokenPipeError):
            serve(processes, parent)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.kill_all()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
