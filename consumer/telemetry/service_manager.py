"""Reports to the service manager that started this process: systemd, or the supervisor of workers.

The protocol is sd_notify(3) of systemd: the environment variable NOTIFY_SOCKET names a datagram
socket, and a message has a field in each line. Its Python packages are without upkeep or need
systemd's headers to install, and it takes one call of `sendto`.
"""

import logging
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Final, Protocol

from bearing_stream.observability import Response
from consumer.telemetry.health import STOPS, Phase

VARIABLE: Final = "NOTIFY_SOCKET"
"""Environment variable with the path of the socket; with @ at its begin, of an abstract one."""

DESCRIPTOR: Final = "_BEARING_STREAM_MANAGER"
"""Environment variable of a worker: the inherited file descriptor of a socket to its supervisor."""

TICK: Final = 1.0
"""Seconds between two reports."""

LONGEST_STATUS: Final = 1000
"""Characters; systemd ignores messages of more than 4,096 bytes."""

READY: Final = "READY=1"
"""The process does its work."""

STOPPING: Final = "STOPPING=1"
"""The process finishes what is in flight."""

ALIVE: Final = "WATCHDOG=1"
"""The process is alive. The manager ends one that has not reported this for too long."""

STATUS: Final = "STATUS="
"""Begins the field for people."""

WELL: Final = "ready"
"""The status where nothing is wrong."""

_log = logging.getLogger(__name__)


class Reported(Protocol):
    """A process that is reported; see `health.Health`."""

    phase: Phase

    def live(self) -> Response:
        """Return the response to `/livez`: 200, or 503 if the process should be restarted."""

    def problems(self) -> Iterator[str]:
        """Yield why the process does not do its work now."""


class ServiceManager:
    """The manager that started this process."""

    def __init__(self, channel: socket.socket, address: str | None = None) -> None:
        """Use a socket: to send to an address, or None if it is connected."""
        channel.setblocking(False)
        self._socket = channel
        self._address = address

    @classmethod
    def of_environment(cls) -> "ServiceManager | None":
        """Return the manager that the environment names, if any.

        It is removed from the environment: a process that this one starts reports nothing there.
        """
        address, descriptor = os.environ.pop(VARIABLE, ""), os.environ.pop(DESCRIPTOR, "")
        if descriptor:
            return cls(socket.socket(fileno=int(descriptor)))
        if not address:
            return None
        if address.startswith("@"):
            address = f"\0{address[1:]}"
        return cls(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), address)

    def report(self, fields: Iterable[str]) -> None:
        """Send a message; one that the manager does not take now is lost."""
        message = "\n".join(fields).encode(errors="replace")
        with suppress(OSError):
            if self._address is None:
                self._socket.send(message)
            else:
                self._socket.sendto(message, self._address)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def state_of(process: Reported) -> list[str]:
    """Return the fields of a message with the whole state of a process."""
    fields = []
    if process.phase is Phase.RUNNING:
        fields.append(READY)
    elif process.phase is Phase.STOPPING:
        fields.append(STOPPING)
    if process.live().status == HTTPStatus.OK:
        fields.append(ALIVE)
    return [*fields, status_of(process.problems())]


def status_of(problems: Iterable[str]) -> str:
    """Return the field for people: what is wrong, or that nothing is."""
    # A line break would begin another field.
    text = " ".join("; ".join(problems).split()) or WELL
    return STATUS + text[:LONGEST_STATUS]


@contextmanager
def reporting(process: Reported) -> Iterator[None]:
    """Report the state of this process every second while a block lasts, if a manager asks for it.

    Each report has the whole state, so none that was lost is missed. The last one, when the block
    has ended, is that the process stops, and of an exception its message.
    """
    manager = ServiceManager.of_environment()
    if manager is None:
        yield
        return
    ended = threading.Event()

    def report() -> None:
        while not ended.is_set():
            try:
                manager.report(state_of(process))
            except Exception as error:
                # For instance, a dictionary changed while it was read. The next may succeed.
                _log.warning("the state could not be reported: %r", error)
            ended.wait(TICK)

    thread = threading.Thread(target=report, name="service-manager", daemon=True)
    thread.start()
    reason = STOPS
    try:
        yield
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise
    finally:
        ended.set()
        thread.join()
        manager.report([STOPPING, status_of([reason])])
        manager.close()
