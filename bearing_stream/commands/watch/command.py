"""`bearing-stream watch`."""

import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

import click
from rich.console import Console, RenderableType
from rich.live import Live

from bearing_stream.commands.terminal import OutputConsole, json_text, notice, standard_output
from bearing_stream.commands.watch.reader import DiagnosisReader, Received
from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.commands.watch.statistics import SensorStatistics
from bearing_stream.commands.watch.view import OTHER_LINES, hidden_note, render, uncertain_note
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError, wait_for_topics

REFRESH_INTERVAL: Final = 0.25
"""Seconds between two updates of the table."""


@click.command(name="watch")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each diagnosis.")
@options(WatchSettings)
def command(as_json: bool, **given: Any) -> None:
    """Display the diagnoses of a Kafka topic as a live table by sensor, or as JSON lines.

    The command joins no group and commits nothing. Stop it with Ctrl-C.
    """
    settings = from_command_line(WatchSettings, given)
    # SIGINT too: a shell starts the background jobs of a script with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        wait_for_topics(
            settings.client_properties(),
            [settings.diagnoses_topic],
            settings.startup_timeout,
            notice,
        )
        with standard_output(), DiagnosisReader(settings) as reader:
            if as_json:
                print_lines(reader, settings)
            else:
                show_table(reader, settings)
    except FatalKafkaError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        pass


def follow(reader: DiagnosisReader, settings: WatchSettings) -> Iterator[list[Received]]:
    """Yield the diagnoses in batches, often empty, until a limit of the settings is reached."""
    left = settings.limit
    latest = time.monotonic()
    while True:
        received = reader.read()
        if received or reader.connection_error:
            latest = time.monotonic()
        if left is not None:
            received = received[:left]
            left -= len(received)
        yield received
        idle = time.monotonic() - latest
        if left == 0 or (settings.until_idle is not None and idle >= settings.until_idle):
            return


def print_lines(reader: DiagnosisReader, settings: WatchSettings) -> None:
    """Print each diagnosis and its `ce_id` as a JSON object on a line, flushed after each batch.

    Raises:
        BrokenPipeError: The reader of the output has closed it; detected without writing, too.
    """
    reported, stalls = "", 0
    for batch in follow(reader, settings):
        for received in batch:
            diagnosis = received.diagnosis.model_dump(mode="json")
            sys.stdout.write(json_text({"ce_id": received.id} | diagnosis) + "\n")
        sys.stdout.flush()
        if not batch and _is_closed(sys.stdout.fileno()):
            raise BrokenPipeError
        if reader.connection_error not in ("", reported):
            reported = reader.connection_error
            notice(reported)
        if reader.stalls > stalls:
            stalls = reader.stalls
            notice("the Kafka client had stopped fetching; reading goes on with a new one")
    for note in _unreadable_note(reader):
        notice(note)


def show_table(reader: DiagnosisReader, settings: WatchSettings) -> None:
    """Display a live table by sensor; if the output is no terminal, only its last state."""
    statistics = SensorStatistics(max_sensors=settings.max_sensors)
    console = OutputConsole()
    drawn = -REFRESH_INTERVAL
    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            for batch in follow(reader, settings):
                for received in batch:
                    statistics.add(received.diagnosis)
                if console.is_terminal and time.monotonic() - drawn >= REFRESH_INTERVAL:
                    live.update(_table(statistics, console, reader, settings), refresh=True)
                    drawn = time.monotonic()
    finally:
        console.print(_table(statistics, console, reader, settings))


def _table(
    statistics: SensorStatistics, console: Console, reader: DiagnosisReader, settings: WatchSettings
) -> RenderableType:
    max_rows = settings.max_sensors
    if console.is_terminal:
        max_rows = max(1, console.height - OTHER_LINES)
    snapshot = statistics.snapshot(max_rows)
    notes = hidden_note(snapshot) + uncertain_note(snapshot) + _unreadable_note(reader)
    if reader.stalls:
        notes.append(f"times the Kafka client stopped fetching and was replaced: {reader.stalls}")
    if reader.connection_error:
        notes.append(f"Kafka is unreachable, retrying: {reader.connection_error}")
    title = f"{settings.diagnoses_topic} at {settings.bootstrap_servers}"
    return render(snapshot, title, notes, settings.indicators)


def _is_closed(output: int) -> bool:
    """Return whether the other end of this pipe or terminal is closed."""
    poll = select.poll()
    # POLLERR and POLLHUP are always reported.
    poll.register(output, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def _unreadable_note(reader: DiagnosisReader) -> list[str]:
    return [f"messages that are not diagnoses: {reader.unreadable:,}"] if reader.unreadable else []
