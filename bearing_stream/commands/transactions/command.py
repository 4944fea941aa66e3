"""`bearing-stream transactions list | abort`."""

import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

import click
from rich.console import Console

from bearing_stream.commands.terminal import (
    OutputConsole,
    counted,
    json_text,
    notice,
    standard_output,
)
from bearing_stream.commands.transactions.abort import abort
from bearing_stream.commands.transactions.client import Requests
from bearing_stream.commands.transactions.finding import ABORTABLE, find
from bearing_stream.commands.transactions.settings import TransactionSettings
from bearing_stream.commands.transactions.view import advice, places, show
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError, TransientKafkaError, wait_for_topics

PIPED_WIDTH: Final = 400
"""Columns of the output if it is no terminal."""

AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")


@click.group(name="transactions")
def command() -> None:
    """List and abort transactions that hold readers of committed messages back."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@command.command(name="list")
@AS_JSON
@options(TransactionSettings)
@standard_output()
def list_transactions(as_json: bool, **given: Any) -> None:
    """List the transactions that are open in our topics for long.

    The exit status is 0 whether there are any or not.
    """
    settings = from_command_line(TransactionSettings, given)
    with _requests(settings) as requests:
        found = find(requests, settings, time.time())
    if as_json:
        click.echo(json_text([each.as_json() for each in found], indent=2))
        return
    console = _console()
    if not found:
        console.print(
            f"No transaction is open in these topics for {settings.older_than:g} s or longer: "
            f"{', '.join(settings.searched)}",
            highlight=False,
        )
        return
    show(found, console)
    console.print(advice(found), highlight=False)


@command.command(name="abort")
@AS_JSON
@click.option("--execute", is_flag=True, help="Abort them; without it, only list them.")
@options(TransactionSettings)
@standard_output()
def abort_transactions(as_json: bool, execute: bool, **given: Any) -> None:
    """Abort the transactions that `list` shows as ongoing or hanging.

    None of their messages is ever read as committed. A consumer of this project that still works
    with one rewinds, and diagnoses the windows again. Without --execute, nothing is aborted.
    """
    settings = from_command_line(TransactionSettings, given)
    with _requests(settings) as requests:
        found = [each for each in find(requests, settings, time.time()) if each.state in ABORTABLE]
        if execute:
            for each in found:
                abort(each, requests, settings.client_properties())
                if not as_json:
                    click.echo(f"aborted: {each.state}, open in {places(each)}")
    if as_json:
        click.echo(json_text([each.as_json() | {"aborted": execute} for each in found], indent=2))
        return
    if not found:
        click.echo("There is none to abort.")
    elif not execute:
        console = _console()
        show(found, console)
        console.print("Nothing was aborted. Use --execute to abort them.", highlight=False)
    else:
        click.echo(f"{counted(len(found), 'transaction')} aborted")


def _console() -> Console:
    created = OutputConsole()
    return created if created.is_terminal else OutputConsole(width=PIPED_WIDTH)


@contextmanager
def _requests(settings: TransactionSettings) -> Iterator[Requests]:
    """Connect, and turn errors of Kafka into one line and status 1."""
    properties = settings.client_properties()
    try:
        wait_for_topics(properties, settings.searched, settings.startup_timeout, notice)
        with closing(Requests(properties)) as requests:
            yield requests
    except (FatalKafkaError, TransientKafkaError) as error:
        raise click.ClickException(str(error)) from error
