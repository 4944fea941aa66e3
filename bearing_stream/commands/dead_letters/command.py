"""`bearing-stream dead-letters list | show | redrive`."""

import base64
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import click
from pydantic_core import to_json
from rich.console import Console

from bearing_stream.commands.dead_letters.letters import (
    Letter,
    Place,
    parse,
    read_matching,
    spans_for,
)
from bearing_stream.commands.dead_letters.redrive import Redriven, redrive
from bearing_stream.commands.dead_letters.settings import LetterSettings, RedriveSettings
from bearing_stream.commands.dead_letters.view import Counts, console, show_letter, show_redriven
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError, Span, TopicReader, TopicSettings, wait_for_topics

PREVIEW: Final = 256
"""Bytes of a value that are shown."""

AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="dead-letters")
def command() -> None:
    """Work with the messages that could not be diagnosed: list, show, redrive."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@command.command(name="list")
@AS_JSON
@options(LetterSettings)
def list_letters(as_json: bool, **given: Any) -> None:
    """List dead letters: how many of each reason, and the latest of them.

    With --json, a line for each.
    """
    settings = from_command_line(LetterSettings, given)
    with _ready(settings, settings.dead_letters_topic), _reader(settings) as reader:
        letters = read_matching(reader, spans_for(reader, settings), settings)
        if as_json:
            for letter in islice(letters, settings.limit):
                sys.stdout.write(to_json(letter.as_json()).decode() + "\n")
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
    help="Bytes of the value to show; all go into JSON, in base64.",
)
@click.argument("place", metavar="PARTITION:OFFSET")
@options(TopicSettings)
def show(as_json: bool, preview: int, place: str, **given: Any) -> None:
    """Show one dead letter: reason, headers, and its value as a hexdump.

    PARTITION:OFFSET is its place in the dead-letter topic, as `list` names it.
    """
    settings = from_command_line(TopicSettings, given)
    at = _place(place)
    with _ready(settings, settings.dead_letters_topic), _reader(settings) as reader:
        letter = _letter(reader, at)
    if as_json:
        value = letter.original.value
        headers = [(name, _base64(raw)) for name, raw in letter.original.headers]
        whole = {"key": _base64(letter.original.key), "headers": headers, "value": _base64(value)}
        click.echo(to_json(letter.as_json() | whole, indent=2).decode())
    else:
        show_letter(letter, preview, console())


@command.command(name="redrive")
@AS_JSON
@click.option("--execute", is_flag=True, help="Do it; without, only what would be done is told.")
@options(RedriveSettings)
def redrive_letters(as_json: bool, execute: bool, **given: Any) -> None:
    """Send originals back to the windows topic, each once, in transactions.

    They go without the error headers, and their header bearing-redrives counts one more. What was
    redriven is remembered: running it again sends nothing twice. Without --execute nothing is sent.
    """
    settings = from_command_line(RedriveSettings, given)
    terminal = Console(stderr=True)
    with _ready(settings, settings.dead_letters_topic, written=[settings.windows_topic]):
        if execute and terminal.is_terminal:
            with terminal.status("redriving …") as status:

                def tell(found: Redriven) -> None:
                    status.update(f"redriven {found.sent.total():,}")

                found = redrive(settings, execute, tell)
        else:
            found = redrive(settings, execute)
    if as_json:
        click.echo(to_json(found.as_json(), indent=2).decode())
    else:
        show_redriven(found, console())


@contextmanager
def _ready(settings: TopicSettings, *topics: str, written: Iterable[str] = ()) -> Iterator[None]:
    """Wait for the topics; what Kafka refuses ends with one line."""
    try:
        wait_for_topics(
            settings.client_properties(),
            topics,
            settings.startup_timeout,
            _complain,
            written=written,
        )
        yield
    except FatalKafkaError as error:
        raise click.ClickException(str(error)) from error
    except BrokenPipeError:
        # Whoever read has read enough. Python would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _reader(settings: TopicSettings) -> TopicReader:
    return TopicReader(settings.client_properties(), settings.dead_letters_topic)


def _place(text: str) -> Place:
    partition, colon, offset = text.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        raise click.UsageError(f"expected PARTITION:OFFSET such as 0:17; came {text!r}")
    return Place(int(partition), int(offset))


def _letter(reader: TopicReader, at: Place) -> Letter:
    span = reader.spans().get(at.partition)
    if span is None:
        raise click.ClickException(f"'{reader.topic}' has no partition {at.partition}")
    if span.start <= at.offset < span.end:
        for message in reader.read({at.partition: Span(at.offset, at.offset + 1)}):
            return parse(message)
    raise click.ClickException(
        f"'{reader.topic}' holds no letter at {at}; partition {at.partition} holds the offsets "
        f"from {span.start} to {span.end - 1}"
        if span.end > span.start
        else f"partition {at.partition} of '{reader.topic}' is empty"
    )


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _complain(line: str) -> None:
    click.echo(line, err=True)
