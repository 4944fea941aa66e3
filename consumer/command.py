"""`bearing-stream consume`."""

import sys
from typing import Any

import click

from bearing_stream.config import from_command_line, options
from consumer.reporting import configure_logs
from consumer.settings import ConsumerSettings


@click.command(name="consume")
@options(ConsumerSettings)
def command(**given: Any) -> None:
    """Diagnose the windows of a Kafka topic and publish the diagnoses to another.

    SIGTERM and SIGINT finish what is in flight, commit and leave the group.
    """
    settings = from_command_line(ConsumerSettings, given)
    configure_logs(settings.log_format, settings.log_level)
    # Here and not above: it loads torch, for which neither --help nor a mistake in the settings
    # should wait.
    from consumer.process import run

    sys.exit(run(settings))
