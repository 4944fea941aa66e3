"""A consumer of the group under test: `bearing-stream consume` as a process, with its log."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bearing_stream.kafka import TopicSettings
from bearing_stream.logs import Event
from consumer.events import FAILED, REWINDING
from tools.chaos.errors import ChaosError

POLL_PAUSE: Final = 0.05
"""Seconds between two reads of a log."""

START_LIMIT: Final = 120.0
"""Seconds until a consumer must be ready; it takes three on an idle machine."""

STUCK: Final = "the client is stuck"
"""Part of the error of a consumer whose client delivers nothing, or does not join its group."""

ASSERTION: Final = re.compile(r"rdkafka\w*\.c:\d+: .*Assertion")
"""Of a line that the client prints before it aborts the process."""

STOP_LIMIT: Final = 12.0
"""Seconds until a consumer must have ended after SIGTERM; it promises ten."""


def consumer_arguments(topics: TopicSettings, group: str) -> list[str]:
    """Return the arguments of `bearing-stream consume` for a group, on these topics."""
    return [
        f"--bootstrap-servers={topics.bootstrap_servers}",
        *(f"--kafka={name}={value}" for name, value in topics.kafka.items()),
        f"--windows-topic={topics.windows_topic}",
        f"--diagnoses-topic={topics.diagnoses_topic}",
        f"--dead-letters-topic={topics.dead_letters_topic}",
        f"--group={group}",
    ]


class Member:
    """A running process. It starts on creation; the owner must call `kill` in the end."""

    def __init__(
        self,
        program: str,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        command: str = "consume",
    ) -> None:
        """Start the process.

        Args:
            program: The module to run as `bearing-stream`.
            arguments: The arguments of the command.
            log: The file for its log lines, as JSON.
            environment: Variables to add to this process's.
            command: That logs its events as `consume` does.
        """
        self.log = log
        log.unlink(missing_ok=True)
        self._command = [sys.executable, "-m", program, command, *arguments, "--log-format=json"]
        self._environment = os.environ | {"OMP_NUM_THREADS": "1"} | dict(environment or {})
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self._command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    def start_again(self) -> None:
        """Start another process in the place of one that has ended, with the same log."""
        self._process = self._start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended; one that is frozen has not."""
        return self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> list[str]:
        """The complete lines that it has printed so far."""
        return self.log.read_text(errors="replace").split("\n")[:-1]

    def events(self, event: Event | None = None) -> list[dict[str, Any]]:
        """Return the log lines so far, of one event or of all."""
        lines = [json.loads(line) for line in self.output if line.startswith("{")]
        return [line for line in lines if event is None or line["event"] == event.name]

    @property
    def end_by_client(self) -> str:
        """How its Kafka client ended it, so that a supervisor starts it again; or empty."""
        # The log is read only after the end: this is asked many times a second.
        if self.status == 1 and any(STUCK in line["error"] for line in self.events(FAILED)[-1:]):
            return "client stuck"
        if self.status == -signal.SIGABRT and any(map(ASSERTION.search, self.output[-5:])):
            return "client aborted"
        return ""

    def reasons(self) -> list[str]:
        """Return the reason of each rewind so far."""
        return [line["reason"] for line in self.events(REWINDING)]

    def await_event(self, event: Event, count: int = 1, limit: float = START_LIMIT) -> None:
        """Wait until the log has that many lines of an event.

        Raises:
            ChaosError: The process ended, or the time is up.
        """
        deadline = time.monotonic() + limit
        while True:
            # First: what a process prints before it ends counts.
            running = self.running
            if len(self.events(event)) >= count:
                return
            if not running or time.monotonic() > deadline:
                printed = "\n".join(self.output[-20:])
                raise ChaosError(
                    f"{self.log}: no '{event.name}' (status {self.status}) in:\n{printed}"
                )
            time.sleep(POLL_PAUSE)

    def freeze(self) -> None:
        """Send SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Send SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Send SIGKILL, also to a frozen process; return when it has ended."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Send SIGTERM; return when the process has ended.

        Raises:
            ChaosError: It took too long, or did not end with status 0.
        """
        self._process.send_signal(signal.SIGTERM)
        if (status := self.wait(STOP_LIMIT)) != 0:
            raise ChaosError(f"{self.log}: status {status} after SIGTERM, not 0")

    def wait(self, limit: float = START_LIMIT) -> int | None:
        """Return its exit status, or None if it has not ended in that time."""
        try:
            return self._process.wait(limit)
        except subprocess.TimeoutExpired:
            return None
