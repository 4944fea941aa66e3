"""`python -m tools.chaos`, which is `make chaos`."""

import random
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from bearing_stream.commands.verify.report import Guarantee
from tools.chaos.clusters import free_gigabytes
from tools.chaos.fault import BOTH
from tools.chaos.plan import Plan
from tools.chaos.results import HEADINGS, OUTPUT, Outcome, cells, write
from tools.chaos.suite import FAULTS, Suite

NEEDED: Final = 10.0
"""10⁹ bytes of disk for the whole suite: a million int16 windows and their diagnoses, twice, since
Kafka deletes the data of a topic some time after the topic."""

LOGS: Final = Path("out/chaos")

WIDTH: Final = 120
"""Columns of the table, about."""


@click.command(name="chaos")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0),
    help="Run what fits into this time, of each fault as much; by default all of it.",
)
@click.option(
    "--fault",
    "chosen",
    multiple=True,
    type=click.Choice([fault.name for fault in FAULTS]),
    help="Only this fault (repeatable).",
)
@click.option("--guarantee", type=click.Choice(BOTH), help="Only this guarantee; by default each.")
@click.option(
    "--seed", type=int, help="Seed of all random choices; by default a new one, which is printed."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=OUTPUT,
    show_default=True,
)
def command(
    minutes: float | None,
    chosen: Sequence[str],
    guarantee: Guarantee | None,
    seed: int | None,
    output: Path,
) -> None:
    """Inject faults into the system, and check that every window was diagnosed once.

    Starts a real Kafka, and consumers as processes. The exit status is not zero if a window was
    lost, got two results or one out of order, or if anything did not recover.
    """
    console = Console()
    if not console.is_terminal:
        # The width of a terminal is that of its window; a file needs a fixed one.
        console.width = WIDTH
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = random.randrange(10**6) if seed is None else seed
    faults = [
        replace(fault, guarantees=tuple(one for one in fault.guarantees if one == guarantee))
        if guarantee
        else fault
        for fault in FAULTS
        if not chosen or fault.name in chosen
    ]
    console.print(f"seed {seed}; the logs of the consumers are in {LOGS}")
    _check_disk(console, whole=minutes is None and not chosen)
    shutil.rmtree(LOGS, ignore_errors=True)
    outcomes: list[Outcome] = []
    with console.status("starting Kafka") as status:
        for outcome in Suite(seed, LOGS).run(Plan(faults, minutes), status.update):
            outcomes.append(outcome)
            console.print(_line(outcome), highlight=False, soft_wrap=True)
            # After each outcome, so that an interrupted run leaves the outcomes so far.
            write(outcomes, _command_line(minutes, chosen, guarantee, seed), output)
    console.print(table(outcomes), f"The table is also in {output}.", sep="\n")
    if not all(outcome.sound for outcome in outcomes):
        sys.exit(1)


def _command_line(
    minutes: float | None, chosen: Sequence[str], guarantee: Guarantee | None, seed: int
) -> str:
    """Return the command that repeats this run."""
    options = [f"--fault {name}" for name in chosen]
    options += [f"--guarantee {guarantee}"] if guarantee else []
    options += [f"--seed {seed}"]
    part = f" MINUTES={minutes:g}" if minutes is not None else ""
    return f"make chaos{part} CHAOS='{' '.join(options)}'"


def table(outcomes: Sequence[Outcome]) -> Table:
    """Make a table with one row for each outcome."""
    rows = Table(*HEADINGS, box=None)
    for column in rows.columns[2:]:
        column.justify = "right"
    for outcome in outcomes:
        style = "dim" if outcome.skipped else "" if outcome.sound else "red"
        rows.add_row(*cells(outcome.as_json()), style=style)
    return rows


def _line(outcome: Outcome) -> str:
    name = f"{outcome.fault}, {outcome.guarantee}"
    if outcome.skipped:
        return f"[yellow]{outcome.fault}: SKIPPED[/], {outcome.skipped}"
    if outcome.failure:
        return f"[red]{name}: {outcome.failure}[/]"
    if not outcome.sound:
        return f"[red]{name}: {outcome.as_json()['wrong']}[/]"
    return f"[green]{name}[/]: {outcome.seconds:.0f} s {outcome.notes or ''}"


def _check_disk(console: Console, whole: bool) -> None:
    free = free_gigabytes()
    if whole and free < NEEDED:
        console.print(f"[yellow]The suite needs {NEEDED:g} GB of disk; {free:.1f} GB are free.[/]")
