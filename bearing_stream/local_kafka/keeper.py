"""The process between a LocalKafka and its Java: it kills Java when its parent ends.

`processes.Keeper` starts it as `keeper.py PARENT_PID PREFIX KEEP`; it uses only the standard
library. When the parent ends, by SIGKILL too, the parent's end of the pipe on the keeper's standard
input closes; the keeper then kills every Java process, a frozen one too, and removes the temporary
folder. This works on Linux and macOS, and does not depend on a signal.

The protocol is JSON Lines: a request has `request`, `do` and the arguments, the response has the
same `request`. The keeper has a session of its own, so that Ctrl-C in a terminal reaches only the
parent, which decides the order in which processes end.
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

PARENT_CHECK_INTERVAL = 1.0
"""Seconds. A process forked from the parent may hold the pipe open; the parent's id changes."""

_PR_SET_PDEATHSIG = 1
"""From Linux's <sys/prctl.h>."""


class Processes:
    """The child processes by name, and the operations on them."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def start(
        self, name: str, arguments: list[str], folder: str, log: str, environment: dict[str, str]
    ) -> int:
        """Start a process in a folder, its output appended to a log file; returns its id.

        Its environment is the keeper's with the variables of `environment` added.
        """
        with Path(log).open("ab") as output:
            process = subprocess.Popen(
                arguments,
                cwd=folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # The keeper has one thread, so no lock can be held between fork and exec.
                preexec_fn=self._die_with_keeper,
            )
        self._processes[name] = process
        return process.pid

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a process; no effect if it has ended."""
        self._processes[name].send_signal(number)

    def status(self, name: str) -> int | None:
        """The exit status of a process, negative for a signal; None while it runs."""
        return self._processes[name].poll()

    def kill_all(self) -> None:
        """Kill every process and wait for its end."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()

    def _die_with_keeper(self) -> None:
        """In the child on Linux: ask the kernel to kill it when the keeper ends."""
        if self._prctl:
            self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def respond(processes: Processes, line: bytes) -> dict[str, Any]:
    """Execute the request of one line; return the response, with the result or the error."""
    request = json.loads(line)
    identity = request.pop("request")
    try:
        result = getattr(processes, request.pop("do"))(**request)
        return {"request": identity, "result": result}
    except OSError as error:
        return {"request": identity, "error": str(error)}


def serve(processes: Processes, parent: int) -> None:
    """Respond to the parent line by line; return when it has closed the pipe or ended."""
    received = b""
    while os.getppid() == parent:
        if not select.select([0], [], [], PARENT_CHECK_INTERVAL)[0]:
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            return
        *lines, received = (received + chunk).split(b"\n")
        for line in lines:
            os.write(1, json.dumps(respond(processes, line)).encode() + b"\n")


def main(parent: int, prefix: str, keep: str) -> None:
    """Run processes for `parent`, in the folder `keep` or, if empty, in a temporary one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = keep or tempfile.mkdtemp(prefix=prefix)
    processes = Processes()
    try:
        # The parent may have ended already.
        with contextlib.suppress(BrokenPipeError):
            os.write(1, json.dumps({"request": 0, "result": folder}).encode() + b"\n")
            serve(processes, parent)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.kill_all()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
