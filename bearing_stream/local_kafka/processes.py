"""Child processes that cannot outlive this one, whatever ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Final, Self

from bearing_stream.local_kafka.errors import LocalKafkaError

_SCRIPT: Final = Path(__file__).with_name("keeper.py")
POLL_INTERVAL: Final = 0.02
"""Seconds between two looks at something that is waited for."""


class Keeper:
    """Starts processes by name through a small process of its own (`keeper.py`).

    When this process ends, or closes the keeper, the named processes are killed and the temporary
    folder is removed. May be used from several threads.
    """

    def __init__(self, keep: Path | None = None) -> None:
        """Start the keeper.

        Args:
            keep: The folder to work in, which stays; None for a temporary one, which goes.

        Raises:
            LocalKafkaError: the keeper does not start.
        """
        self._lock = Lock()
        self._process = subprocess.Popen(
            # Isolated: what the user's environment does to Python is none of its business.
            [sys.executable, "-IS", _SCRIPT, str(os.getpid()), "local-kafka-", str(keep or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._request = 0
        self.folder: Final = Path(self._answer())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(
        self,
        name: str,
        arguments: list[str],
        folder: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Start a process in a folder, its output appended to `log`; returns its process id.

        Its environment is this process's, and what `environment` says beyond.
        """
        return int(
            self._ask(
                "start",
                name=name,
                arguments=arguments,
                folder=str(folder),
                log=str(log),
                environment=dict(environment or {}),
            )
        )

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process; nothing happens if it has ended."""
        self._ask("signal", name=name, number=int(number))

    def status(self, name: str) -> int | None:
        """The exit status of a process, negative for a signal; None while it runs."""
        status: int | None = self._ask("status", name=name)
        return status

    def wait(self, name: str, timeout: float) -> int | None:
        """Wait up to `timeout` seconds for a process to end; its exit status, None if it runs."""
        deadline = time.monotonic() + timeout
        while (status := self.status(name)) is None and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL)
        return status

    def close(self) -> None:
        """Kill every process, remove the temporary folder, and wait until both are gone."""
        with self._lock:
            if self._process.stdin and self._process.stdout:
                self._process.stdin.close()
                self._process.wait()
                self._process.stdout.close()

    def _ask(self, do: str, **arguments: object) -> Any:
        """Have the keeper do something, and return what it answers."""
        with self._lock:
            if not self._process.stdin or self._process.stdin.closed:
                raise LocalKafkaError("This local Kafka is closed. Open another.")
            self._request += 1
            request = json.dumps({"request": self._request, "do": do, **arguments}) + "\n"
            try:
                self._process.stdin.write(request.encode())
                self._process.stdin.flush()
            except BrokenPipeError:
                pass  # The missing answer says the same.
            return self._answer()

    def _answer(self) -> Any:
        """Read the answer to the last request.

        Raises:
            LocalKafkaError: the keeper is gone, or could not do it.
        """
        for line in self._process.stdout or ():
            answer = json.loads(line)
            # Ctrl-C between a request and its answer leaves that answer behind, unread.
            if answer["request"] != self._request:
                continue
            if "error" in answer:
                raise LocalKafkaError(answer["error"])
            return answer["result"]
        raise LocalKafkaError(
            f"The process that keeps the local Kafka has ended (status {self._process.wait()}); "
            "somebody killed it. Start again."
        )
