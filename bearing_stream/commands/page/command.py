"""`bearing-stream page`."""

import os
import signal
import socket
import webbrowser
from typing import Any, Final

import click
import uvicorn

from bearing_stream.commands.http_server import LIBRARY_MESSAGE, Server, address, listening
from bearing_stream.commands.page import events
from bearing_stream.commands.page.acting import Operator
from bearing_stream.commands.page.alarm_reader import AlarmThread
from bearing_stream.commands.page.alarm_table import AlarmTable
from bearing_stream.commands.page.app import Parts, create_app
from bearing_stream.commands.page.fleet import Fleet
from bearing_stream.commands.page.reader import DiagnosisThread
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.page.stream import Stream
from bearing_stream.commands.page.window import WindowReader
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.logs import configure_logs
from model.sensors import SensorsError
from model.sensors import load as load_sensors

SHUTDOWN_LIMIT: Final = 3
"""Seconds that requests in progress may take after SIGTERM."""


@click.command(name="page")
@click.option("--open", "in_browser", is_flag=True, help="Open the page in a browser.")
@options(PageSettings)
def command(in_browser: bool, **given: Any) -> None:
    """Serve a live page of the fleet: which machine needs a person, and why.

    It joins no group and commits nothing. With --token, or behind a proxy, people can also
    acknowledge and shelve alarms. Stop it with Ctrl-C.
    """
    settings = from_command_line(PageSettings, given)
    configure_logs(settings.log_format, settings.log_level, LIBRARY_MESSAGE)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # First, so that a port in use is reported at once.
    with listening(settings.host, settings.port) as listener:
        try:
            windows = WindowReader(settings, load_sensors(settings.sensor_table))
            serve(settings, windows, listener, in_browser)
        except (FatalKafkaError, SensorsError) as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            pass


def serve(
    settings: PageSettings, windows: WindowReader, listener: socket.socket, in_browser: bool
) -> None:
    """Serve the page at a bound socket until SIGTERM or SIGINT.

    Raises:
        FatalKafkaError: Kafka does not respond in time at the start, or refuses access.
    """

    def stop() -> None:
        """End the process: what it shows will not change any more."""
        server.should_exit = True

    fleet = Fleet(settings.limits)
    thread = DiagnosisThread(settings, fleet, stop)
    alarms = AlarmThread(settings, AlarmTable(settings.max_sensors))
    stream = Stream(fleet, thread, alarms, settings.diagnoses_topic)
    operator = Operator(settings, alarms.table)
    url = address(listener)

    def ready() -> None:
        events.emit(events.READY, address=url, topic=settings.diagnoses_topic, process=os.getpid())
        if in_browser:
            webbrowser.open(f"{url}/?token={settings.token}" if settings.token else url)

    config = uvicorn.Config(
        create_app(settings, Parts(fleet, thread, alarms, stream, windows, operator)),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=SHUTDOWN_LIMIT,
    )
    server = Server(config, ready, stream.close)
    server.serve_socket(listener)
    if thread.failure is not None:
        raise thread.failure
    events.emit(events.STOPPED)
