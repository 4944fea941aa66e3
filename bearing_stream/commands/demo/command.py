"""`bearing-stream demo`."""

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.live import Live

from bearing_stream.commands.demo import stage, summary
from bearing_stream.commands.demo.account import Account, account, topic_settings
from bearing_stream.commands.demo.arrivals import Arrivals
from bearing_stream.commands.demo.moments import ready_at
from bearing_stream.commands.demo.processes import DemoError
from bearing_stream.commands.demo.settings import DemoSettings
from bearing_stream.commands.demo.stage import DemoTopics
from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.commands.watch.view import OTHER_LINES, hidden_note, render
from bearing_stream.config import ENVIRONMENT_PREFIX, from_command_line, load, options
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.local_kafka import LocalKafkaError
from bearing_stream.program import INTERRUPTED
from bearing_stream.recordings.cwru import present
from bearing_stream.recordings.fetch import default_folder

LOGS: Final = Path("out")

PAGE_HINT: Final = (
    "The fleet on a live page: `make demo PAGE=1`, or `bearing-stream page` next to your consumer."
)


@click.command(name="demo")
@options(DemoSettings)
def command(**given: Any) -> None:
    """Demonstrate the system on a real Kafka, and count afterwards whether a window was lost.

    A simulator leaves a backlog. The consumer processes it, exactly once, and continues with
    windows that arrive live. Then a bearing fails: one alarm is raised, acknowledged, and cleared
    after the repair. The exit status is not 0 if a window was lost or has two results.
    """
    settings = from_command_line(DemoSettings, given)
    _clear_environment()
    console = Console()
    _handle_signals()
    _create_folders(settings.output)
    try:
        folder = default_folder(settings.data)
        source = "cwru" if folder and any(present(folder)) else "synthetic"
        _print_source(console, source, folder)
        with stage.kafka(settings, console) as topics, _page(topics, settings, console):
            simulated = _source_options(source, folder) + settings.simulator_options
            found = _run(topics, settings, simulated, console)
    except (DemoError, FatalKafkaError, LocalKafkaError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Interrupted; nothing was counted.", err=True)
        sys.exit(INTERRUPTED)
    broker = "yours" if settings.bootstrap_servers else "local"
    summary.write(found, source, broker, settings.output)
    console.print(summary.table(found), f"The summary is also in {settings.output}.", sep="\n")
    if not settings.page:
        console.print(PAGE_HINT)
    if found.lost or found.duplicated:
        sys.exit(1)


@contextmanager
def _page(topics: DemoTopics, settings: DemoSettings, console: Console) -> Iterator[None]:
    """Serve the page of the fleet if it is wanted."""
    if not settings.page:
        yield
        return
    with stage.page(topics, LOGS / "demo-page.log") as address:
        console.print(f"[bold]Page[/]   {address}, until the demo ends")
        yield


def _clear_environment() -> None:
    """Remove settings of other commands, such as a group or a topic, from the environment.

    The commands that the demo starts would inherit them.
    """
    for variable in [name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX)]:
        del os.environ[variable]


def _create_folders(output: Path) -> None:
    """Create the folders of the logs and the summary; one that cannot be is reported at once."""
    for folder in (LOGS, output.parent):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.ClickException(
                f"the folder {folder} cannot be created ({error.strerror}): start the demo in a "
                "folder where you may write, and see --output"
            ) from error


def _handle_signals() -> None:
    """Handle SIGTERM and a closed terminal like Ctrl-C: topics and processes are removed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup sets SIGHUP to be ignored.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _run(
    topics: DemoTopics, settings: DemoSettings, source: list[str], console: Console
) -> Account:
    group = f"bearing-demo-{uuid.uuid4().hex[:8]}"
    watching = load(WatchSettings, topic_settings(topics) | {"from_beginning": True})
    arrivals = Arrivals(watching)
    live_table = _LiveTable(console, arrivals)
    console.print(f"[bold]1[/]  {settings.backlog:,} windows arrive while no consumer runs …")
    messages = -(-settings.backlog // settings.windows_of_a_measurement)
    stage.simulate_backlog(topics, source, messages, live_table.wait, LOGS / "demo-backlog.log")
    console.print("[bold]2[/]  The consumer starts and catches up, exactly once …")
    arrivals.start()
    log = LOGS / "demo-consumer.log"
    started = time.time()
    with stage.start_consumer(topics, group, log) as consumer:

        def wait() -> None:
            """Update the table, and fail if the consumer has ended."""
            consumer.check()
            live_table.wait()

        with live_table:
            joined = stage.await_joined(topics, group, consumer.check)
            stage.await_caught_up(topics, group, wait)
            live_table.print(
                f"[bold]3[/]  {settings.seconds:g} s of live windows, some of them malformed …"
            )
            stage.simulate_live(topics, source, settings.seconds, wait, LOGS / "demo-live.log")
            stage.await_caught_up(topics, group, wait)
        # What follows is not part of the latencies.
        arrivals.stop()
        alarm_events = _show_alarm(topics, group, wait, console)
        stage.await_caught_up(topics, group, wait)
        consumer.stop()
    console.print("\n[bold]5[/]  Reading all three topics to count …")
    found = account(topics, arrivals.times)
    found.moments.consumer_started = started
    found.moments.consumer_ready = ready_at(log)
    found.moments.group_joined = joined
    found.alarm_events = alarm_events
    return found


def _show_alarm(
    topics: DemoTopics, group: str, wait: Callable[[], None], console: Console
) -> list[str]:
    """Let a bearing fail, and return the transitions of its alarm."""
    # Imported here because it loads SciPy, which takes most of a second.
    from bearing_stream.commands.demo import alarm

    def report(text: str) -> None:
        console.print(f"   {text}", markup=False, highlight=False, soft_wrap=True)

    console.print(
        f"\n[bold]4[/]  A bearing of {alarm.SENSORS} healthy ones fails, and is repaired …"
    )
    events = alarm.show(topics, f"{group}-alarms", LOGS, wait, report)
    return [event.event for event in events]


class _LiveTable:
    """The live table of diagnoses; if the output is no terminal, only its last state."""

    def __init__(self, console: Console, arrivals: Arrivals) -> None:
        self._console = console
        self._arrivals = arrivals
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *exception: object) -> None:
        self._draw()
        self._live.stop()

    def print(self, line: str) -> None:
        """Print a line above the table."""
        self._live.console.print(line)

    def wait(self) -> None:
        """Wait for one refresh interval, then redraw the table.

        Raises:
            FatalKafkaError: The subscriber has failed.
        """
        time.sleep(stage.REFRESH_INTERVAL)
        if self._arrivals.failure is not None:
            raise self._arrivals.failure
        if self._console.is_terminal and self._live.is_started:
            self._draw()

    def _draw(self) -> None:
        snapshot = self._arrivals.statistics.snapshot(
            max(1, self._console.height - OTHER_LINES - 4)
        )
        self._live.update(render(snapshot, "diagnoses", hidden_note(snapshot)), refresh=True)


def _print_source(console: Console, source: str, folder: Path | None) -> None:
    if source == "cwru":
        console.print(f"[bold]Source[/] the CWRU recordings in {folder}")
    else:
        console.print(
            "[bold]Source[/] synthetic signals: no CWRU recordings found. "
            "`bearing-stream recordings fetch` fetches them; --data or CWRU_DATA names a folder."
        )


def _source_options(source: str, folder: Path | None) -> list[str]:
    if source == "cwru":
        return ["--source", "cwru", "--data", str(folder)]
    return ["--source", "synthetic", "--sensors", str(stage.SYNTHETIC_SENSORS)]
