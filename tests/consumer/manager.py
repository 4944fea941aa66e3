"""A service manager, such as systemd is one, to which processes report."""

import socket
import time
from pathlib import Path

from tests.kafka_tools import PATIENCE


class Manager:
    """A service manager: receives at a socket of its own."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(PATIENCE)

    def next(self) -> list[str]:
        """The fields of the next message."""
        return self._socket.recv(4096).decode().split("\n")

    def await_field(self, field: str) -> list[list[str]]:
        """Return all messages up to the first that has a field, or one that begins so."""
        deadline, messages = time.monotonic() + PATIENCE, [self.next()]
        while not any(found.startswith(field) for found in messages[-1]):
            assert time.monotonic() < deadline, messages
            messages.append(self.next())
        return messages

    def close(self) -> None:
        self._socket.close()
