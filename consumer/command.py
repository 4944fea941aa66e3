"""`bearing-stream consume`."""

import sys
from typing import Any

import click
import structlog

from assessment.sensors import SensorsError
from consumer.reporting import configure_logs
from consumer.service import Service
from consumer.settings import ConsumerSettings
from consumer.signals import stop_on_signals
from kafka_client import FatalKafkaError
from model.checkpoint import CheckpointError
from model.diagnoser import DeviceError
from settings import from_command_line, options


@click.command(name="consume")
@options(ConsumerSettings)
def command(**given: Any) -> None:
    """Diagnose the windows of a Kafka topic and publish the diagnoses to another.

    SIGTERM and SIGINT finish what is in flight, commit and leave the group.
    """
    settings = from_command_line(ConsumerSettings, given)
    configure_logs(settings.log_format, settings.log_level)
    try:
        service = Service(settings)
        stop_on_signals(service.stop)
        service.run()
    except (FatalKafkaError, CheckpointError, DeviceError, SensorsError) as error:
        structlog.get_logger("consumer").error("stopping", error=str(error))
        sys.exit(1)
