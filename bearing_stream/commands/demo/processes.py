"""Runs `bearing-stream` commands as processes, as a user would."""

import json
import signal
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bearing_stream.config import ENVIRONMENT_PREFIX
from bearing_stream.kafka import TopicSettings
from bearing_stream.local_kafka.processes import Keeper
from bearing_stream.program import PROGRAM

STOP_TIMEOUT: Final = 15.0
"""Seconds that a command may take to end after SIGTERM; the consumer guarantees ten."""


class DemoError(Exception):
    """The demo cannot continue; the message states why."""


def topic_fields(topics: TopicSettings) -> list[str]:
    """Return the names of the settings that name a topic."""
    return [name for name in type(topics).model_fields if name.endswith("_topic")]


class Command:
    """A `bearing-stream` subcommand in a process of its own; its output goes to a log file.

    It is a child of a `Keeper`: Ctrl-C in the terminal reaches only the demo, which then ends its
    commands; and however the demo ends, its commands end too.
    """

    def __init__(self, *arguments: str, topics: TopicSettings, log: Path) -> None:
        """Start it.

        Connection and topics are passed in the environment, because `ps` shows arguments.
        """
        self._name = arguments[0]
        self._log = log.resolve()
        self._log.unlink(missing_ok=True)
        environment = {
            ENVIRONMENT_PREFIX + "BOOTSTRAP_SERVERS": topics.bootstrap_servers,
            ENVIRONMENT_PREFIX + "KAFKA": json.dumps(topics.kafka),
        }
        for name in topic_fields(topics):
            environment[ENVIRONMENT_PREFIX + name.upper()] = getattr(topics, name)
        self._keeper = Keeper()
        self._keeper.start(
            self._name,
            [*PROGRAM, *arguments],
            Path.cwd(),
            self._log,
            environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill it if it is still running."""
        self._keeper.close()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._keeper.status(self._name) is None

    def check(self) -> None:
        """Raise if it has failed.

        Raises:
            DemoError: It ended with a status other than 0; includes the end of its log.
        """
        if status := self._keeper.status(self._name):
            tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
            raise DemoError(
                f"`bearing-stream {self._name}` ended with status {status}:"
                f"\n{tail}\n(the whole log is in {self._log})"
            )

    def stop(self) -> None:
        """Send SIGTERM and wait until it has ended.

        Raises:
            DemoError: It did not end in time, or failed.
        """
        self._keeper.signal(self._name, signal.SIGTERM)
        if self._keeper.wait(self._name, STOP_TIMEOUT) is None:
            raise DemoError(
                f"`bearing-stream {self._name}` did not end within {STOP_TIMEOUT:g} s of SIGTERM"
            )
        self.check()
