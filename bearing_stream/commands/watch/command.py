"""`bearing-stream watch`."""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

import click
from pydantic_core import to_json
from rich.console import Console, RenderableType
from rich.live import Live

from bearing_stream.commands.watch.reader import DiagnosisReader, Received
from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.commands.watch.tally import Tally
from bearing_stream.commands.watch.view import OTHER_LINES, doubted, hidden, render
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError, wait_for_topics

REFRESH: Final = 0.25
"""Seconds between two pictures of the table."""


@click.command(name="watch")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each diagnosis.")
@options(WatchSettings)
def command(as_json: bool, **given: Any) -> None:
    """Watch the diagnoses of a Kafka topic in a live table by sensor, or as JSON for a pipe.

    It joins no group and commits nothing. Ctrl-C ends it.
    """
    settings = from_command_line(WatchSettings, given)
    # SIGINT too: a shell starts what a script puts into the background deaf to it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        wait_for_topics(
            settings.client_properties(),
            [settings.diagnoses_topic],
            settings.startup_timeout,
            _complain,
        )
        with DiagnosisReader(settings) as reader:
            if as_json:
                print_lines(reader, settings)
            else:
                show_table(reader, settings)
    except FatalKafkaError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # Whoever read has read enough. Python would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def follow(reader: DiagnosisReader, settings: WatchSettings) -> Iterator[list[Received]]:
    """What arrives, a batch at a time and often an empty one, until the settings say stop."""
    left = settings.limit
    latest = time.monotonic()
    while True:
        received = reader.read()
        if received or reader.trouble:
            latest = time.monotonic()
        if left is not None:
            received = received[:left]
            left -= len(received)
        yield received
        idle = time.monotonic() - latest
        if left == 0 or (settings.until_idle is not None and idle >= settings.until_idle):
            return


def print_lines(reader: DiagnosisReader, settings: WatchSettings) -> None:
    """A JSON object a line, flushed as they come: the diagnosis, and its `ce_id`.

    Raises:
        BrokenPipeError: Whoever read has read enough; noticed without a line to write, too.
    """
    said = ""
    for batch in follow(reader, settings):
        for received in batch:
            diagnosis = received.diagnosis.model_dump(mode="json")
            sys.stdout.write(to_json({"ce_id": received.id} | diagnosis).decode() + "\n")
        sys.stdout.flush()
        if not batch and _nobody_reads(sys.stdout.fileno()):
            raise BrokenPipeError
        if reader.trouble not in ("", said):
            said = reader.trouble
            _complain(said)
    for note in _unreadable(reader):
        _complain(note)


def show_table(reader: DiagnosisReader, settings: WatchSettings) -> None:
    """A live table by sensor, whose last picture stays; into a file or pipe, only that one."""
    tally = Tally(max_sensors=settings.max_sensors)
    console = Console()
    drawn = -REFRESH
    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            for batch in follow(reader, settings):
                for received in batch:
                    tally.add(received.diagnosis)
                if console.is_terminal and time.monotonic() - drawn >= REFRESH:
                    live.update(_picture(tally, console, reader, settings), refresh=True)
                    drawn = time.monotonic()
    finally:
        console.print(_picture(tally, console, reader, settings))


def _picture(
    tally: Tally, console: Console, reader: DiagnosisReader, settings: WatchSettings
) -> RenderableType:
    most = settings.max_sensors
    if console.is_terminal:
        most = max(1, console.height - OTHER_LINES)
    snapshot = tally.snapshot(most)
    notes = hidden(snapshot) + doubted(snapshot) + _unreadable(reader)
    if reader.trouble:
        notes.append(f"Kafka does not answer, trying again: {reader.trouble}")
    return render(snapshot, f"{settings.diagnoses_topic} at {settings.bootstrap_servers}", notes)


def _nobody_reads(output: int) -> bool:
    """Whether the other end of this pipe or terminal is closed."""
    poll = select.poll()
    # What matters is reported unasked.
    poll.register(output, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def _unreadable(reader: DiagnosisReader) -> list[str]:
    return [f"messages that are no diagnoses: {reader.unreadable:,}"] if reader.unreadable else []


def _complain(line: str) -> None:
    click.echo(line, err=True)
