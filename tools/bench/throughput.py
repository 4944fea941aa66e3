"""Windows a second through the consumer, compared with the same network in a plain poll loop.

`python -m tools.bench.throughput`, see README.md.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bearing_stream.local_kafka import LocalKafka, LocalKafkaError
from tools.bench.errors import BenchError
from tools.bench.figures import conditions
from tools.bench.runs import Bench, Contestant, Result

UNEXAMINED: Final = "consume, no quality and novelty"

LOOP: Final = Contestant("plain poll loop", ("-m", "tools.bench.poll_loop"), complete=False)

COMPLETE_LIMIT: Final = 300.0
"""Seconds that the consumer may take for all windows."""


@click.command()
@click.option(
    "--bootstrap-servers",
    envvar="BOOTSTRAP_SERVERS",
    show_envvar=True,
    help="Your Kafka; without it, one is started here.",
)
@click.option("--windows", type=click.IntRange(1000), default=40_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--partitions", type=click.IntRange(1), default=4, show_default=True)
@click.option(
    "--loop-seconds",
    type=click.FloatRange(1),
    default=5.0,
    show_default=True,
    help="Seconds that the plain loop runs after its first commit, which happens after five.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("out/throughput.json"),
    show_default=True,
)
@click.argument("consumer_options", nargs=-1, type=click.UNPROCESSED)
def command(
    bootstrap_servers: str | None,
    windows: int,
    rounds: int,
    partitions: int,
    loop_seconds: float,
    output: Path,
    consumer_options: tuple[str, ...],
) -> None:
    """Measure windows a second on a real Kafka, with each guarantee in turn.

    CONSUMER_OPTIONS, after `--`, go to `bearing-stream consume`: `-- --batch-size 512`.
    """
    console, load_before = Console(stderr=True), os.getloadavg()
    results: list[Result] = []
    try:
        with _bench(bootstrap_servers, partitions) as bench:
            with console.status(f"writing {windows} windows"):
                bench.preload(windows)
            for contestant in track(
                contestants(consumer_options) * rounds, "measuring", console=console
            ):
                limit = COMPLETE_LIMIT if contestant.complete else loop_seconds
                results.append(bench.run(contestant, windows, limit))
    except (BenchError, LocalKafkaError) as error:
        raise click.ClickException(str(error)) from error
    summary = summarise(results)
    figures = {
        **conditions(load_before),
        "broker": "yours" if bootstrap_servers else "local",
        "windows": windows,
        "partitions": partitions,
        "consumer_options": consumer_options,
        "summary": summary,
        "runs": [asdict(result) for result in results],
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=2) + "\n")
    Console().print(_table(summary))
    click.echo(f"written to {output}")


def contestants(options: Sequence[str]) -> list[Contestant]:
    """Return what is compared: the consumer in three ways, each with these options, and `LOOP`."""
    consume = ("-m", "bearing_stream", "consume")
    return [
        Contestant("consume, exactly-once", (*consume, *options), complete=True),
        Contestant(UNEXAMINED, ("-m", "tools.bench.unexamined", *options), complete=True),
        Contestant(
            "consume, at-least-once",
            (*consume, "--guarantee=at-least-once", *options),
            complete=True,
        ),
        LOOP,
    ]


def summarise(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """Return the median, least and most windows a second by contestant, and the speed-up.

    The speed-up is relative to the median of the plain loop.
    """
    rates: dict[str, list[float]] = {}
    for result in results:
        rates.setdefault(result.name, []).append(result.rate)
    loop = median(rates[LOOP.name])
    return {
        name: {
            "median_windows_per_s": round(median(each), 1),
            "least": round(min(each), 1),
            "most": round(max(each), 1),
            "times_plain_loop": round(median(each) / loop, 2),
        }
        for name, each in rates.items()
    }


@contextmanager
def _bench(servers: str | None, partitions: int) -> Iterator[Bench]:
    with ExitStack() as stack:
        if servers is None:
            servers = stack.enter_context(LocalKafka()).bootstrap_servers
        bench = Bench(servers, partitions)
        stack.callback(bench.close)
        yield bench


def _table(summary: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("windows a second", "median", "least", "most", "times plain loop")
    for name, row in summary.items():
        figures = [row[key] for key in ("median_windows_per_s", "least", "most")]
        table.add_row(name, *(f"{figure:,.0f}" for figure in figures), f"{row['times_plain_loop']}")
    return table


if __name__ == "__main__":
    command()
