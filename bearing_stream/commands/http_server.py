"""Listening and serving, for the commands that serve HTTP."""

import errno
import signal
import socket
from collections.abc import Callable
from typing import Final

import click
import uvicorn

from bearing_stream.logs import Event

LIBRARY_MESSAGE: Final = Event(
    "library_message",
    "warning",
    "A library, named in `logger`, logged the text in `detail`, at a level of its own. An error "
    "with a traceback in `exception` is a request that failed with status 500.",
    "Read `detail`; report a traceback.",
)
"""Of every program that serves HTTP."""


def listening(host: str, port: int) -> socket.socket:
    """Bind an address.

    Raises:
        click.ClickException: It cannot be bound; one line that states what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        advice = "choose another --host: an address of this machine, or 0.0.0.0 for all of them"
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            advice = (
                "choose another --port (0 chooses a free one), or stop the process that uses it"
            )
        raise click.ClickException(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; {advice}"
        ) from error
    # Connections inherit it. Without it, a response waits 40 ms for the delayed ACK of the client:
    # asyncio sets it only for a socket that names its protocol, which this one does not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address(listener: socket.socket) -> str:
    """Return the URL of a bound socket, without a path."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Serves until SIGTERM or SIGINT."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        on_stopping: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare.

        Args:
            config: Of uvicorn.
            on_ready: Called once a signal finds its handler and a request its response.
            on_stopping: Called before the server waits for the requests in progress.
        """
        super().__init__(config)
        self._on_ready = on_ready
        self._on_stopping = on_stopping

    def serve_socket(self, listener: socket.socket) -> None:
        """Serve requests at a bound socket."""
        # After its shutdown, uvicorn raises the signal again for the previous handler. There is
        # none, and the exit status must be 0.
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
        try:
            self.run([listener])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and call `on_ready`."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Call `on_stopping`, and stop."""
        self._on_stopping()
        await super().shutdown(sockets)
