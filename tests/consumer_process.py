"""The consumer as a process."""

import json
import os
import signal
import subprocess
import threading
from typing import Any, Self

from bearing_stream.logs import Event
from bearing_stream.program import PROGRAM
from tests.kafka_tools import PATIENCE, Topics, eventually
from tests.paths import ROOT


class ConsumerProcess:
    """`bearing-stream consume` as its users run it: a process, with signals and an exit status.

    The process ends with the `with` block, by SIGKILL if it still runs.
    """

    def __init__(
        self,
        topics: Topics,
        *arguments: str,
        environment: dict[str, str] | None = None,
        defaults: bool = True,
    ) -> None:
        command = [*PROGRAM, "consume"]
        if defaults:
            command += [
                *(f"--{name.replace('_', '-')}={value}" for name, value in topics.settings.items()),
                f"--group={topics.group}",
                "--device=cpu",
            ]
        command += arguments
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.output: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line.decode().rstrip())

    def events(self, event: Event | None = None) -> list[dict[str, Any]]:
        """Return the log lines so far, of one event or of all."""
        lines = [json.loads(line) for line in list(self.output) if line.startswith("{")]
        return [line for line in lines if event is None or line["event"] == event.name]

    def wait_for(self, event: Event, timeout: float = PATIENCE) -> dict[str, Any]:
        """Return the first log line of an event."""
        eventually(
            lambda: bool(self.events(event)) or self._process.poll() is not None,
            event.name,
            timeout,
        )
        found = self.events(event)
        assert found, f"no '{event.name}' in:\n" + "\n".join(self.output)
        return found[0]

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Return the exit status."""
        status = self._process.wait(timeout)
        self._reader.join(5)
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal, and check that the process ends within ten seconds with status 0."""
        self.send(number)
        assert self.wait(10) == 0, "\n".join(self.output)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()
