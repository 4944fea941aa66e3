"""Child processes that end with this one, even if it is killed."""

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
"""Seconds between two checks while waiting."""


class Keeper:
    """Starts named processes through a small process of its own (`keeper.py`).

    When this process ends, or closes the keeper, the named processes are killed and the temporary
    folder is removed. Thread-safe.
    """

    def __init__(self, keep: Path | None = None) -> None:
        """Start the keeper.

        Args:
            keep: The working folder, which is kept; None for a temporary one, which is removed.

        Raises:
            LocalKafkaError: the keeper does not start.
        """
        self._lock = Lock()
        self._process = subprocess.Popen(
            # Isolated from the PYTHON variables of the user's environment.
            [sys.executable, "-IS", _SCRIPT, str(os.getpid()), "local-kafka-", str(keep or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._last_request = 0
        self.folder: Final = Path(self._response())

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

        Its environment is this process's with the variables of `environment` added.
        """
        return int(
            self._request(
                "start",
                name=name,
                arguments=arguments,
                folder=str(folder),
                log=str(log),
                environment=dict(environment or {}),
            )
        )

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process; no effect if it has ended."""
        self._request("signal", name=name, number=int(number))

    def status(self, name: str) -> int | None:
        """The exit status of a process, negative for a signal; None while it runs."""
        status: int | None = self._request("status", name=name)
        return status

    def wait(self, name: str, timeout: float) -> int | None:
        """Wait up to `timeout` seconds for a process to end; its exit status, None if it runs."""
        deadline = time.monotonic() + timeout
        while (status := self.status(name)) is None and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL)
        return status

    def close(self) -> None:
        """Kill every process, remove the temporary folder, and wait until both are done."""
        with self._lock:
            if self._process.stdin and self._process.stdout:
                self._process.stdin.close()
                self._process.wait()
                self._process.stdout.close()

    def _request(self, do: str, **arguments: object) -> Any:
        """Send a request to the keeper, and return its result."""
        with self._lock:
            if not self._process.stdin or self._process.stdin.closed:
                raise LocalKafkaError("This local Kafka is closed. Open another.")
            self._last_request += 1
            request = json.dumps({"request": self._last_request, "do": do, **arguments}) + "\n"
            try:
                self._process.stdin.write(request.encode())
                self._process.stdin.flush()
            except BrokenPipeError:
                pass  # The missing response is reported below.
            return self._response()

    def _response(self) -> Any:
        """Read the response to the last request.

        Raises:
            LocalKafkaError: the keeper has ended, or the request failed.
        """
        for line in self._process.stdout or ():
            response = json.loads(line)
            # Ctrl-C between a request and its response leaves that response unread.
            if response["request"] != self._last_request:
                continue
            if "error" in response:
                raise LocalKafkaError(response["error"])
            return response["result"]
        raise LocalKafkaError(
            f"The keeper process of the local Kafka was killed (status {self._process.wait()}). "
            "Start again."
        )
