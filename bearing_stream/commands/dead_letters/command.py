"""`bearing-stream dead-letters list | show | redrive`."""

import base64
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import click
from rich.console import Console

from bearing_stream.commands.dead_letters.letters import (
    Letter,
    parse,
    read_matching,
)
from bearing_stream.commands.dead_letters.redrive import RedriveReport, redrive
from bearing_stream.commands.dead_letters.settings import LetterSettings, RedriveSettings
from bearing_stream.commands.dead_letters.view import Counts, console, show_letter, show_report
from bearing_stream.commands.terminal import json_text, notice, standard_output
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError, Span, TopicReader, TopicSettings, wait_for_topics
from bearing_stream.kafka.record_id import RecordId

PREVIEW: Final = 256
"""Bytes of a value that `show` prints by default."""

AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="dead-letters")
def command() -> None:
    """List, show and redrive messages that could not be diagnosed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@command.command(name="list")
@AS_JSON
@options(LetterSettings)
@standard_output()
def list_letters(as_json: bool, **given: Any) -> None:
    """List dead letters: their number by reason, and the latest ones.

    With --json, print a line for each.
    """
    settings = from_command_line(LetterSettings, given)
    with _ready(settings, settings.dead_letters_topic), _reader(settings) as reader:
        letters = read_matching(reader, reader.spans(), settings)
        if as_json:
            for letter in islice(letters, settings.limit):
                sys.stdout.write(json_text(letter.as_json()) + "\n")
            sys.stdout.flush()
            return
        counts = Counts(settings.limit)
        for letter in letters:
            counts.add(letter)
    counts.show(console())


@command.command(name="show")
@AS_JSON
@click.option(
    "--preview",
    type=click.IntRange(min=0),
    default=PREVIEW,
    show_default=True,
    help="Bytes of the value to show; JSON contains the whole value, in base64.",
)
@click.argument("position", metavar="PARTITION:OFFSET")
@options(TopicSettings)
@standard_output()
def show(as_json: bool, preview: int, position: str, **given: Any) -> None:
    """Show one dead letter: reason, headers, and its value as a hexdump.

    PARTITION:OFFSET is its position in the dead-letter topic, as `list` prints it.
    """
    settings = from_command_line(TopicSettings, given)
    record = _record_id(position)
    with _ready(settings, settings.dead_letters_topic), _reader(settings) as reader:
        letter = _letter(reader, record)
    if as_json:
        value = letter.original.value
        headers = [(name, _base64(raw)) for name, raw in letter.original.headers]
        whole = {"key": _base64(letter.original.key), "headers": headers, "value": _base64(value)}
        click.echo(json_text(letter.as_json() | whole, indent=2))
    else:
        show_letter(letter, preview, console())


@command.command(name="redrive")
@AS_JSON
@click.option("--execute", is_flag=True, help="Send the messages; without it, only count them.")
@options(RedriveSettings)
@standard_output()
def redrive_letters(as_json: bool, execute: bool, **given: Any) -> None:
    """Send originals back to the windows topic, each once, in transactions.

    The headers that a dead letter adds are removed, and the header bearing-redrives is incremented.
    Stubs, whose original was too large, are skipped. Kafka records which letters were redriven:
    running the command again skips them, until that record expires (see --redrive-group). Without
    --execute, nothing is sent, and the JSON field would_send counts what would be.
    """
    settings = from_command_line(RedriveSettings, given)
    terminal = Console(stderr=True)
    with _ready(settings, settings.dead_letters_topic, written=[settings.windows_topic]):
        if execute and terminal.is_terminal:
            with terminal.status("redriving …") as status:

                def show_progress(report: RedriveReport) -> None:
                    """Show how many letters have been redriven."""
                    status.update(f"redriven {report.sent.total():,}")

                report = redrive(settings, execute, show_progress)
        else:
            report = redrive(settings, execute)
    if as_json:
        click.echo(json_text(report.as_json(), indent=2))
    else:
        show_report(report, console())


@contextmanager
def _ready(settings: TopicSettings, *topics: str, written: Iterable[str] = ()) -> Iterator[None]:
    """Wait for the topics, and turn fatal errors of Kafka into one line and status 1."""
    try:
        wait_for_topics(
            settings.client_properties(),
            topics,
            settings.startup_timeout,
            notice,
            written=written,
        )
        yield
    except FatalKafkaError as error:
        raise click.ClickException(str(error)) from error


def _reader(settings: TopicSettings) -> TopicReader:
    return TopicReader(settings.client_properties(), settings.dead_letters_topic)


def _record_id(text: str) -> RecordId:
    partition, colon, offset = text.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        raise click.UsageError(f"expected PARTITION:OFFSET such as 0:17; got {text!r}")
    return RecordId(int(partition), int(offset))


def _letter(reader: TopicReader, record: RecordId) -> Letter:
    span = reader.spans().get(record.partition)
    if span is None:
        raise click.ClickException(f"'{reader.topic}' has no partition {record.partition}")
    if span.start <= record.offset < span.end:
        for message in reader.read({record.partition: Span(record.offset, record.offset + 1)}):
            return parse(message)
    raise click.ClickException(
        f"'{reader.topic}' holds no letter at {record}; partition {record.partition} holds the "
        f"offsets from {span.start} to {span.end - 1}"
        if span.end > span.start
        else f"partition {record.partition} of '{reader.topic}' is empty"
    )


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()
