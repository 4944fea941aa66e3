"""`bearing-stream simulate`."""

import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.recordings import RecordingError
from producer_sim.settings import SimulatorSettings
from producer_sim.signals import StopSignals
from producer_sim.simulate import Sent, simulate
from producer_sim.sources import SelectionError, counted, open_streams
from producer_sim.streams import SensorStream

NOTICEABLE = 1.0
"""Seconds of lateness above which the progress line shows it."""


@click.command(name="simulate")
@click.option(
    "--summary-json",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the counts of sent messages to this file, as JSON.",
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@options(SimulatorSettings)
def command(files: tuple[Path, ...], summary_json: Path | None, **given: Any) -> None:
    """Replay recordings into Kafka as measurements: your own FILES, CWRU's, or synthetic ones.

    Ctrl-C, SIGTERM and a terminal that closes stop it; messages already accepted are still
    delivered. A second Ctrl-C ends it at once. The exit status is not zero if any message was not
    delivered.
    """
    settings = from_command_line(SimulatorSettings, given)
    if summary_json is not None:
        # A path that cannot be written is reported before anything is sent.
        _write(summary_json, "")
    console = Console(stderr=True)
    try:
        with StopSignals(console) as signals:
            streams = open_streams(settings, files, click.echo)
            sent = _with_progress(settings, streams, signals, console)
    except SelectionError as error:
        raise click.UsageError(str(error)) from error
    except (RecordingError, FatalKafkaError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(_summary(sent))
    if summary_json is not None:
        _write(summary_json, json.dumps(asdict(sent), indent=2) + "\n")
    for reason, count in sent.failures.items():
        click.echo(f"not delivered: {count}: {reason}", err=True)
    if sent.fatal:
        raise click.ClickException(sent.fatal)
    if not sent.complete:
        raise SystemExit(1)


def _with_progress(
    settings: SimulatorSettings,
    streams: list[SensorStream],
    signals: StopSignals,
    console: Console,
) -> Sent:
    planned = min(sum(stream.count for stream in streams), settings.limit or float("inf"))
    columns = (
        TextColumn("measurements"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=planned if isfinite(planned) else None, state="")

        def show(sent: Sent) -> None:
            """Update the bar."""
            signals.sending = True
            progress.update(task, completed=sent.windows, state=_state(sent))

        def warn(problem: str) -> None:
            """Print one line above the bar."""
            progress.console.print(problem, markup=False, highlight=False, soft_wrap=True)

        return simulate(settings, streams, signals.stop, show, warn)


def _state(sent: Sent) -> str:
    parts = [f"{sent.rate:,.0f}/s", f"{sent.failed} failed"]
    if sent.malformed:
        parts.append(f"{sum(sent.malformed.values())} malformed")
    if sent.lateness > NOTICEABLE:
        parts.append(f"{sent.lateness:.0f} s late")
    return ", ".join(parts)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise click.ClickException(f"--summary-json: {path}: {error.strerror}") from None


def _summary(sent: Sent) -> str:
    return (
        f"sent {counted(sent.windows, 'measurement')} of {counted(sent.sensors, 'sensor')} "
        f"in {sent.seconds:.1f} s ({_state(sent)})"
    )
