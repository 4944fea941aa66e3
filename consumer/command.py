"""`bearing-stream consume`."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, Final

import click
import structlog

from consumer.reporting import configure_logs
from consumer.service import Service
from consumer.settings import ConsumerSettings
from kafka_client import FatalKafkaError
from model.checkpoint import CheckpointError
from model.diagnoser import DeviceError
from settings import from_command_line, options

SHUTDOWN_LIMIT: Final = 9.5
"""Seconds after a signal to stop at which the process ends whatever it is doing. Nothing is lost by
it: what is not committed, the next consumer does again."""


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
        _stop_on_signals(service)
        service.run()
    except (FatalKafkaError, CheckpointError, DeviceError) as error:
        structlog.get_logger("consumer").error("stopping", error=str(error))
        sys.exit(1)


def _stop_on_signals(service: Service) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        structlog.get_logger("consumer").info("stopping", signal=signal.Signals(number).name)
        service.stop()
        limit = threading.Timer(SHUTDOWN_LIMIT, _give_up)
        limit.daemon = True
        limit.start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _give_up() -> None:
    structlog.get_logger("consumer").error(
        "Kafka does not answer; leaving what is in flight to the next consumer"
    )
    os._exit(1)
