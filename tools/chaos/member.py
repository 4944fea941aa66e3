"""A consumer of the group under test: `bearing-stream consume` as a process, with its log."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bearing_stream.kafka import TopicSettings
from tools.chaos.errors import ChaosError

LOOK_PAUSE: Final = 0.05
"""Seconds between two looks at a log."""

START_LIMIT: Final = 120.0
"""Seconds until a consumer must be ready; it takes three on a machine that does nothing else."""

STOP_LIMIT: Final = 12.0
"""Seconds until a consumer must have ended after SIGTERM; it promises ten."""


def consumer_arguments(topics: TopicSettings, group: str) -> list[str]:
    """What `bearing-stream consume` must be told to be of a group, on these topics."""
    return [
        f"--bootstrap-servers={topics.bootstrap_servers}",
        *(f"--kafka={name}={value}" for name, value in topics.kafka.items()),
        f"--windows-topic={topics.windows_topic}",
        f"--diagnoses-topic={topics.diagnoses_topic}",
        f"--dead-letters-topic={topics.dead_letters_topic}",
        f"--group={group}",
    ]


class Member:
    """Starts on creation. Whoever makes one calls `kill` in the end, whatever happened."""

    def __init__(self, program: str, arguments: Sequence[str], log: Path) -> None:
        """Start.

        Args:
            program: The module that takes the arguments of `consume`.
            arguments: Of `consume`.
            log: Where its log lines go, as JSON.
        """
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", program, "consume", *arguments, "--log-format=json"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended; one that is frozen has not."""
        return self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines so far of an event."""
        lines = self.log.read_text(errors="replace").split("\n")[:-1]
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in found if line["event"] == name]

    def reasons(self) -> list[str]:
        """Why it wound back, each time that it did."""
        wound_back = self.events("winding back to the committed offsets")
        return [event["reason"] for event in wound_back]

    def await_event(self, name: str, count: int = 1, limit: float = START_LIMIT) -> None:
        """Wait until the log has that many lines of an event.

        Raises:
            ChaosError: It ended, or the time is up.
        """
        deadline = time.monotonic() + limit
        while len(self.events(name)) < count:
            if not self.running or time.monotonic() > deadline:
                raise ChaosError(f"{self.log}: no '{name}' (status {self.status})")
            time.sleep(LOOK_PAUSE)

    def freeze(self) -> None:
        """SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, frozen or not; returns when it is gone."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM; returns when it is gone.

        Raises:
            ChaosError: It took too long, or did not end with status 0.
        """
        self._process.send_signal(signal.SIGTERM)
        if (status := self.wait(STOP_LIMIT)) != 0:
            raise ChaosError(f"{self.log}: status {status} after SIGTERM, not 0")

    def wait(self, limit: float = START_LIMIT) -> int | None:
        """Its exit status, or None if it has not ended in that time."""
        try:
            return self._process.wait(limit)
        except subprocess.TimeoutExpired:
            return None
