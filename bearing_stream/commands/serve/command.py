"""`bearing-stream serve`."""

import logging
import os
import signal
import socket
from typing import Any, Final

import click
import uvicorn

from bearing_stream.commands.serve.app import create_app
from bearing_stream.commands.serve.settings import ApiSettings
from bearing_stream.config import from_command_line, options
from model.assessor import Assessor
from model.checkpoint import CheckpointError
from model.diagnoser import DeviceError
from model.sensors import SensorsError

SHUTDOWN_LIMIT: Final = 9
"""Seconds that requests in the works may take after SIGTERM."""

log = logging.getLogger("api")


@click.command(name="serve")
@options(ApiSettings)
def command(**given: Any) -> None:
    """Diagnose records sent by HTTP: POST /batch_predict/, described at /docs.

    SIGTERM and SIGINT finish what is in the works.
    """
    settings = from_command_line(ApiSettings, given)
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(message)s")
    # Before torch is asked for anything: a port that is taken should be known at once.
    with _listening(settings) as listener:
        try:
            # Torch's own threads busily wait for one another, and the service has its own.
            assessor = Assessor.of(settings.model_copy(update={"threads": 1}))
        except (CheckpointError, DeviceError, SensorsError) as error:
            raise click.ClickException(str(error)) from error
        serve(assessor, settings, listener)


def serve(assessor: Assessor, settings: ApiSettings, listener: socket.socket) -> None:
    """Answer requests at a bound socket until SIGTERM or SIGINT."""
    host, port = listener.getsockname()[:2]
    log.info(
        "bearing-stream serves %s %s on %s at http://%s:%d, process %d",
        *(assessor.name, assessor.version, assessor.device),
        *(f"[{host}]" if ":" in host else host, port, os.getpid()),
    )
    config = uvicorn.Config(
        create_app(assessor, settings),
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_LIMIT,
    )
    # When it has shut down, uvicorn sends itself the signal again, for whoever had asked for it
    # before: nobody, and the exit status should say that all went well.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    uvicorn.Server(config).run([listener])
    log.info("stopped")


def _listening(settings: ApiSettings) -> socket.socket:
    """Bind the address, or say clearly why not."""
    host, port = settings.host, settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}, port {port}: {error.strerror or error}. Stop what is "
            "there, or choose another --port (0 takes a free one) or --host"
        ) from error
    # Connections inherit it. Without it an answer waits 40 ms for the client's delayed ACK: asyncio
    # sets it only where the socket names its protocol, and this one does not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
