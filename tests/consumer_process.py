"""The consumer as a process."""

import signal
import tempfile
from pathlib import Path
from typing import Any, Self

from bearing_stream.logs import Event
from tests.kafka_tools import PATIENCE, Topics
from tools.chaos.member import Member


class ConsumerProcess(Member):
    """`bearing-stream consume` as its users run it: a process, with signals and an exit status.

    The process ends with the `with` block, by SIGKILL if it still runs. Its output remains.
    """

    def __init__(
        self,
        topics: Topics,
        *arguments: str,
        environment: dict[str, str] | None = None,
        defaults: bool = True,
        program: str = "bearing_stream",
    ) -> None:
        named = (f"--{name.replace('_', '-')}={value}" for name, value in topics.settings.items())
        given = (*named, f"--group={topics.group}", "--device=cpu") if defaults else ()
        self._folder = tempfile.TemporaryDirectory(prefix="consume-")
        self._rest: list[str] | None = None
        log = Path(self._folder.name) / "log"
        super().__init__(program, [*given, *arguments], log, environment)

    @property
    def output(self) -> list[str]:
        """The lines that it has printed so far."""
        return super().output if self._rest is None else self._rest

    def wait_for(self, event: Event, timeout: float = PATIENCE) -> dict[str, Any]:
        """Return the first log line of an event."""
        self.await_event(event, limit=timeout)
        return self.events(event)[0]

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal, and check that the process ends within ten seconds with status 0."""
        self.send(number)
        assert self.wait(10) == 0, "\n".join(self.output)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._rest = self.output
        self._folder.cleanup()
