"""`bearing-stream consume`."""

import os
import sys
from typing import Any

import click

from bearing_stream.config import from_command_line, options
from bearing_stream.logs import configure_logs
from consumer import events
from consumer.settings import ConsumerSettings
from consumer.workers import WORKER_VARIABLE, run_workers


@click.command(name="consume")
@options(ConsumerSettings)
def command(**given: Any) -> None:
    """Diagnose the windows of a Kafka topic and publish the diagnoses to another.

    SIGTERM and SIGINT finish what is in flight, commit and leave the group.
    """
    settings = from_command_line(ConsumerSettings, given)
    worker = os.environ.get(WORKER_VARIABLE)
    configure_logs(
        settings.log_format,
        settings.log_level,
        events.LIBRARY_MESSAGE,
        {"worker": int(worker)} if worker else {},
    )
    if settings.workers > 1:
        sys.exit(run_workers(settings, sys.argv[1:]))
    # Imported here because it loads the Kafka client and SciPy: --help and errors in the settings
    # need not wait for them, and a supervisor needs neither.
    from consumer.process import run

    sys.exit(run(settings))
