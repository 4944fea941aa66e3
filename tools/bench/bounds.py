"""Bounds of a running stage: its memory, and the duration of a start and of a takeover.

`python -m tools.bench.bounds memory`, `stall`, `starts`, `alarms`, `metrics`; see README.md.
"""

from pathlib import Path
from typing import Final

import click

from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.local_kafka import LocalKafkaError
from tools.bench import bounds_alarms, bounds_memory, bounds_metrics, bounds_stall, bounds_starts
from tools.bench.backlog import Shape
from tools.bench.errors import BenchError
from tools.bench.figures import conclude
from tools.chaos.errors import ChaosError

FOLDER: Final = Path("out/bounds")
"""Folder for logs."""

FILE: Final = "bounds.json"

FAILURES: Final = (BenchError, ChaosError, LocalKafkaError)


@click.group()
def command() -> None:
    """Measure the bounds that docs/performance.md states, each on a new Kafka."""
    FOLDER.mkdir(parents=True, exist_ok=True)


@command.command()
@click.option("--windows", type=click.IntRange(1000), default=5_000_000, show_default=True)
@click.option(
    "--backlog",
    type=click.IntRange(1),
    default=1_000_000,
    show_default=True,
    help="Unprocessed windows in the topic at any time.",
)
@click.option("--partitions", type=click.IntRange(1), default=4, show_default=True)
@click.argument("consumer_options", nargs=-1, type=click.UNPROCESSED)
def memory(windows: int, backlog: int, partitions: int, consumer_options: tuple[str, ...]) -> None:
    """Measure the memory of a consumer that diagnoses millions of windows.

    CONSUMER_OPTIONS, after `--`, go to `bearing-stream consume`.
    """
    shape = Shape(windows, backlog, partitions)
    try:
        with conclude(FILE, "memory") as figures:
            figures.update(bounds_memory.measure(shape, consumer_options, FOLDER))
    except FAILURES as error:
        raise click.ClickException(str(error)) from error


@command.command()
@click.option("--seconds", type=click.FloatRange(1), default=60.0, show_default=True)
@click.option("--windows", type=click.IntRange(1000), default=10_000, show_default=True)
def stall(seconds: float, windows: int) -> None:
    """Freeze the broker under load, and measure the memory of the consumer, with each guarantee."""
    guarantees: tuple[Guarantee, ...] = ("exactly-once", "at-least-once")
    try:
        for guarantee in guarantees:
            with conclude(FILE, f"stall {guarantee}") as figures:
                figures.update(bounds_stall.measure(guarantee, seconds, windows, FOLDER))
    except FAILURES as error:
        raise click.ClickException(str(error)) from error


@command.command()
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
def starts(repeats: int) -> None:
    """Measure a start, and the takeover from a killed consumer, with default settings."""
    try:
        with conclude(FILE, "starts") as figures:
            figures.update(bounds_starts.measure(repeats, FOLDER))
    except FAILURES as error:
        raise click.ClickException(str(error)) from error


@command.command()
@click.option("--sensors", type=click.IntRange(1), default=100_000, show_default=True)
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--quiet",
    type=click.IntRange(1),
    default=500_000,
    show_default=True,
    help="Diagnoses that raise no alarm.",
)
def alarms(sensors: int, repeats: int, quiet: int) -> None:
    """Measure what a stage of alarms takes in a second, how long it reads its state, its memory."""
    try:
        with conclude(FILE, "alarms") as figures:
            figures.update(bounds_alarms.measure(sensors, quiet, repeats, FOLDER))
    except FAILURES as error:
        raise click.ClickException(str(error)) from error


@command.command()
@click.option("--repeats", type=click.IntRange(1), default=6, show_default=True)
@click.option("--windows", type=click.IntRange(10_000), default=200_000, show_default=True)
def metrics(repeats: int, windows: int) -> None:
    """Measure what metrics cost a consumer, scraped and pushed, next to none."""
    try:
        with conclude(FILE, "metrics") as figures:
            figures.update(bounds_metrics.measure(repeats, windows, FOLDER))
    except FAILURES as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    command()
