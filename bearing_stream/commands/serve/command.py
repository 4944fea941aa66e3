"""`bearing-stream serve`."""

import errno
import os
import signal
import socket
from typing import Any, Final

import click
import uvicorn

from bearing_stream.commands.serve import events
from bearing_stream.commands.serve.app import create_app
from bearing_stream.commands.serve.settings import ApiSettings
from bearing_stream.config import from_command_line, options
from bearing_stream.logs import configure_logs
from model.assessor import Assessor
from model.backends.choice import DeviceError
from model.sensors import SensorsError
from model.weights import CheckpointError

SHUTDOWN_LIMIT: Final = 9
"""Seconds that requests in progress may take after SIGTERM."""


@click.command(name="serve")
@options(ApiSettings)
def command(**given: Any) -> None:
    """Diagnose records sent by HTTP to POST /batch_predict/, which /docs describes.

    SIGTERM and SIGINT stop the service after the requests in progress.
    """
    settings = from_command_line(ApiSettings, given)
    configure_logs(settings.log_format, settings.log_level, events.LIBRARY_MESSAGE)
    # Before the model is loaded, so that a port in use is reported at once.
    with _listening(settings) as listener:
        try:
            # The threads of torch wait for one another actively, and the service has its own.
            assessor = Assessor.of(settings.model_copy(update={"threads": 1}))
        except (CheckpointError, DeviceError, SensorsError) as error:
            raise click.ClickException(str(error)) from error
        serve(assessor, settings, listener)


def serve(assessor: Assessor, settings: ApiSettings, listener: socket.socket) -> None:
    """Serve requests at a bound socket until SIGTERM or SIGINT."""
    host, port = listener.getsockname()[:2]
    ready = {
        "address": f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
        "model": f"{assessor.name} {assessor.version}",
        "device": assessor.device,
        "backend": assessor.backend,
        "process": os.getpid(),
    }
    config = uvicorn.Config(
        create_app(assessor, settings),
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_LIMIT,
    )
    # After its shutdown, uvicorn raises the signal again for the previous handler. There is none,
    # and the exit status must be 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    _Server(config, ready).run([listener])
    events.emit(events.STOPPED)


class _Server(uvicorn.Server):
    """Logs `ready` once a signal finds its handler and a request its response."""

    def __init__(self, config: uvicorn.Config, ready: dict[str, Any]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and log it."""
        await super().startup(sockets)
        events.emit(events.READY, **self._ready)


def _listening(settings: ApiSettings) -> socket.socket:
    """Bind the address, or raise an error with one line of advice."""
    host, port = settings.host, settings.port
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
