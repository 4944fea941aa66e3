"""Bounds of a running consumer: its memory, and how long it takes to start and to take over.

`python -m tools.bench.bounds memory`, `stall`, `starts`; see README.md.
"""

from pathlib import Path
from typing import Final

import click

from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.local_kafka import LocalKafkaError
from tools.bench import bounds_memory, bounds_stall, bounds_starts
from tools.bench.backlog import Shape
from tools.bench.figures import conclude
from tools.bench.runs import BenchError
from tools.chaos.errors import ChaosError

FOLDER: Final = Path("out/bounds")
"""For logs."""

FILE: Final = "bounds.json"

FAILURES: Final = (BenchError, ChaosError, LocalKafkaError)


@click.group()
def command() -> None:
    """Measure the bounds that the README states, each on a Kafka of its own."""
    FOLDER.mkdir(parents=True, exist_ok=True)


@command.command()
@click.option("--windows", type=click.IntRange(1000), default=5_000_000, show_default=True)
@click.option(
    "--backlog",
    type=click.IntRange(1),
    default=2_000_000,
    show_default=True,
    help="Windows that wait at any time.",
)
@click.option("--partitions", type=click.IntRange(1), default=500, show_default=True)
@click.argument("consumer_options", nargs=-1, type=click.UNPROCESSED)
def memory(windows: int, backlog: int, partitions: int, consumer_options: tuple[str, ...]) -> None:
    """Watch the memory of a consumer that diagnoses millions of windows.

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
    """Freeze the broker under load, and watch the consumer's memory, with each guarantee."""
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
    """Time a start, and the taking over from a consumer that is killed, with default settings."""
    try:
        with conclude(FILE, "starts") as figures:
            figures.update(bounds_starts.measure(repeats, FOLDER))
    except FAILURES as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    command()
