"""`bearing-stream consume`."""

import sys
from typing import Any

import click

from bearing_stream.config import from_command_line, options
from bearing_stream.logs import configure_logs
from consumer import events
from consumer.settings import ConsumerSettings


@click.command(name="consume")
@options(ConsumerSettings)
def command(**given: Any) -> None:
    """Diagnose the windows of a Kafka topic and publish the diagnoses to another.

    SIGTERM and SIGINT finish what is in flight, commit and leave the group.
    """
    settings = from_command_line(ConsumerSettings, given)
    configure_logs(settings.log_format, settings.log_level, events.LIBRARY_MESSAGE)
    # Imported here because it loads torch: --help and errors in the settings need not wait for it.
    from consumer.process import run

    sys.exit(run(settings))
