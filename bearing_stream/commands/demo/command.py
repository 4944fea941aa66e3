"""`bearing-stream demo`."""

import os
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.live import Live

from bearing_stream.commands.demo import stage, summary
from bearing_stream.commands.demo.account import Account, account
from bearing_stream.commands.demo.arrivals import Arrivals
from bearing_stream.commands.demo.processes import DemoError
from bearing_stream.commands.demo.settings import DemoSettings
from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.commands.watch.view import OTHER_LINES, hidden, render
from bearing_stream.config import ENVIRONMENT_PREFIX, from_command_line, load, options
from bearing_stream.kafka import FatalKafkaError, TopicSettings
from bearing_stream.local_kafka import LocalKafkaError
from bearing_stream.recordings.cwru import present
from bearing_stream.recordings.fetch import default_folder

LOGS: Final = Path("build")

INTERRUPTED: Final = 130
"""Exit status of what Ctrl-C ended, as shells have it: 128 and the number of the signal."""


@click.command(name="demo")
@options(DemoSettings)
def command(**given: Any) -> None:
    """Show all of it on a real Kafka, and count afterwards whether anything was lost.

    A simulator leaves a backlog; the consumer catches up with it, exactly once, and goes on with
    windows that arrive live. The exit status is not zero if a window was lost or answered twice.
    """
    settings = from_command_line(DemoSettings, given)
    _forget_environment()
    console = Console()
    _end_in_good_order()
    try:
        folder = default_folder(settings.data)
        source = "cwru" if folder and any(present(folder)) else "synthetic"
        _say_source(console, source, folder)
        with stage.kafka(settings, console) as topics:
            found = _perform(topics, settings, _source_options(source, folder), console)
    except (DemoError, FatalKafkaError, LocalKafkaError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Interrupted; nothing was counted.", err=True)
        sys.exit(INTERRUPTED)
    broker = "yours" if settings.bootstrap_servers else "local"
    summary.write(found, source, broker, settings.output)
    console.print(summary.table(found), f"The same is in {settings.output}.", sep="\n")
    if found.lost or found.duplicated:
        sys.exit(1)


def _forget_environment() -> None:
    """Let settings meant for other commands bend none of the demo's: a group, a limit, a topic."""
    for variable in [name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX)]:
        del os.environ[variable]


def _end_in_good_order() -> None:
    """Take SIGTERM and a terminal that closes as Ctrl-C: topics and processes go with the demo."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup asks for SIGHUP to be ignored.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _perform(
    topics: TopicSettings, settings: DemoSettings, source: list[str], console: Console
) -> Account:
    LOGS.mkdir(exist_ok=True)
    group = f"bearing-demo-{uuid.uuid4().hex[:8]}"
    watching = load(WatchSettings, topics.model_dump() | {"from_beginning": True})
    arrivals = Arrivals(watching)
    picture = _Picture(console, arrivals)
    console.print(f"[bold]1[/]  {settings.backlog:,} windows arrive while no consumer runs …")
    stage.simulate_backlog(
        topics, source, settings.backlog, picture.wait, LOGS / "demo-backlog.log"
    )
    console.print("[bold]2[/]  The consumer starts and catches up, exactly once …")
    arrivals.start()
    with stage.diagnose(topics, group, LOGS / "demo-consumer.log") as consumer, picture:

        def wait() -> None:
            consumer.check()
            picture.wait()

        stage.await_caught_up(topics, group, wait)
        picture.say(f"[bold]3[/]  {settings.seconds:g} s of live windows, some of them malformed …")
        stage.simulate_live(topics, source, settings.seconds, wait, LOGS / "demo-live.log")
        stage.await_caught_up(topics, group, wait)
        consumer.stop()
    arrivals.stop()
    console.print("\n[bold]4[/]  Reading all three topics to count …")
    return account(topics, arrivals.times)


class _Picture:
    """The live table; on what is no terminal, its last state only."""

    def __init__(self, console: Console, arrivals: Arrivals) -> None:
        self._console = console
        self._arrivals = arrivals
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *exception: object) -> None:
        self._draw()
        self._live.stop()

    def say(self, line: str) -> None:
        """Print a line above the table."""
        self._live.console.print(line)

    def wait(self) -> None:
        """Let a moment pass, and draw the table as it is then."""
        time.sleep(stage.FRAME)
        if self._arrivals.failure is not None:
            raise self._arrivals.failure
        if self._console.is_terminal and self._live.is_started:
            self._draw()

    def _draw(self) -> None:
        snapshot = self._arrivals.tally.snapshot(max(1, self._console.height - OTHER_LINES - 4))
        self._live.update(render(snapshot, "diagnoses", hidden(snapshot)), refresh=True)


def _say_source(console: Console, source: str, folder: Path | None) -> None:
    if source == "cwru":
        console.print(f"[bold]Source[/] the CWRU recordings in {folder}")
    else:
        console.print(
            "[bold]Source[/] made-up signals: no CWRU recordings at hand. "
            "`bearing-stream recordings fetch` fetches them; --data or CWRU_DATA names a folder."
        )


def _source_options(source: str, folder: Path | None) -> list[str]:
    if source == "cwru":
        return ["--source", "cwru", "--data", str(folder)]
    return ["--source", "synthetic", "--sensors", str(stage.SYNTHETIC_SENSORS)]
