"""`bearing-stream consume`."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from bearing_stream.config import from_command_line, options
from bearing_stream.logs import configure_logs
from consumer import events
from consumer.settings import ConsumerSettings
from consumer.telemetry.serving import SOCKETS_VARIABLE, socket_of
from consumer.telemetry.worker_endpoint import serve_workers
from consumer.worker import WORKER_VARIABLE
from consumer.workers import ENDPOINT, run_workers


@click.command(name="consume")
@options(ConsumerSettings)
def command(**given: Any) -> None:
    """Diagnose the windows of a Kafka topic and publish the diagnoses to another.

    SIGTERM and SIGINT finish what is in flight, commit and leave the group.
    """
    settings = from_command_line(ConsumerSettings, given)
    number = os.environ.get(WORKER_VARIABLE)
    worker = None if number is None else int(number)
    folder = os.environ.get(SOCKETS_VARIABLE)
    configure_logs(
        settings.log_format,
        settings.log_level,
        events.LIBRARY_MESSAGE,
        {} if worker is None else {"worker": worker},
    )
    if folder and worker == ENDPOINT:
        sys.exit(serve_workers(settings, Path(folder)))
    if settings.workers > 1:
        sys.exit(run_workers(settings, sys.argv[1:]))
    # Imported here because it loads SciPy and the network: --help and errors in the settings need
    # not wait for them, and a supervisor needs neither.
    from consumer.process import run

    sys.exit(run(settings, socket_of(Path(folder), worker) if folder and worker else None))
