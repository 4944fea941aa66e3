"""The project's own commands, run as a user would run them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from messages import TopicSettings
from settings import ENVIRONMENT_PREFIX

STOP_TIMEOUT: Final = 15.0
"""Seconds for a command to end after SIGTERM; the consumer promises ten."""


class DemoError(Exception):
    """The demo cannot go on; one line says why."""


class Command:
    """A `bearing-stream` subcommand in a process of its own; its output goes to a log file."""

    def __init__(self, *arguments: str, topics: TopicSettings, log: Path) -> None:
        """Start it; connection and topics go by the environment, since `ps` shows arguments."""
        self._name = arguments[0]
        self._log = log
        environment = os.environ | {
            ENVIRONMENT_PREFIX + "BOOTSTRAP_SERVERS": topics.bootstrap_servers,
            ENVIRONMENT_PREFIX + "KAFKA": json.dumps(topics.kafka),
            ENVIRONMENT_PREFIX + "WINDOWS_TOPIC": topics.windows_topic,
            ENVIRONMENT_PREFIX + "DIAGNOSES_TOPIC": topics.diagnoses_topic,
            ENVIRONMENT_PREFIX + "DEAD_LETTERS_TOPIC": topics.dead_letters_topic,
        }
        with log.open("wb") as output:
            # A session of its own: Ctrl-C reaches the demo alone, which then ends its commands.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli", *arguments],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill it if it is still there."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def check(self) -> None:
        """See that it did not fail.

        Raises:
            DemoError: It ended with a status other than 0; the end of its log says why.
        """
        if self._process.poll():
            tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
            raise DemoError(
                f"`bearing-stream {self._name}` ended with status {self._process.returncode}:"
                f"\n{tail}\n(all of it is in {self._log})"
            )

    def stop(self) -> None:
        """End it by SIGTERM and wait.

        Raises:
            DemoError: It did not end in time, or failed.
        """
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise DemoError(
                f"`bearing-stream {self._name}` did not end within {STOP_TIMEOUT:g} s of SIGTERM"
            ) from None
        self.check()
