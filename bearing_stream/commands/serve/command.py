"""`bearing-stream serve`."""

import os
import socket
from typing import Any, Final

import click
import uvicorn

from bearing_stream.commands.http_server import LIBRARY_MESSAGE, Server, address, listening
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
    configure_logs(settings.log_format, settings.log_level, LIBRARY_MESSAGE)
    # Before the model is loaded, so that a port in use is reported at once.
    with listening(settings.host, settings.port) as listener:
        try:
            # The threads of torch wait for one another actively, and the service has its own.
            assessor = Assessor.of(settings.model_copy(update={"threads": 1}))
        except (CheckpointError, DeviceError, SensorsError) as error:
            raise click.ClickException(str(error)) from error
        serve(assessor, settings, listener)


def serve(assessor: Assessor, settings: ApiSettings, listener: socket.socket) -> None:
    """Serve requests at a bound socket until SIGTERM or SIGINT."""
    ready = {
        "address": address(listener),
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
    Server(config, lambda: events.emit(events.READY, **ready)).serve_socket(listener)
    events.emit(events.STOPPED)
