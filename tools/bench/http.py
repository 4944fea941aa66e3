"""Milliseconds a request by HTTP, compared with the service that was published with this network.

`python -m tools.bench.http`, see README.md.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import mean
from typing import Any, Final

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bearing_stream.local_kafka import LocalKafka, LocalKafkaError
from bearing_stream.vocabulary import WINDOW_LENGTH
from tools.bench.errors import BenchError
from tools.bench.figures import conditions
from tools.bench.http_ways import HttpWay, Timing, Way, kafka_way, server

SIZES: Final = (1, 5, 10, 25, 50, 100, 150, 200)
"""Records a request, as in the table that was published with the network."""

ORIGINAL: Final = "original"

PACKAGES: Final = ("bearing-stream", "fastapi", "torch")
"""Packages whose versions affect the measurement."""


@click.command()
@click.option(
    "--bootstrap-servers",
    envvar="BOOTSTRAP_SERVERS",
    show_envvar=True,
    help="Your Kafka; without it, one is started here.",
)
@click.option("--kafka/--no-kafka", default=True, help="Also send the windows through Kafka.")
@click.option("--repeats", type=click.IntRange(1), default=10, show_default=True)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("out/http.json"),
    show_default=True,
)
def command(bootstrap_servers: str | None, kafka: bool, repeats: int, output: Path) -> None:
    """Measure execution and delivery of requests, each way in turn."""
    load_before = os.getloadavg()
    try:
        with ExitStack() as stack:
            ways = _ways(stack, kafka, bootstrap_servers)
            rows = measure(ways, repeats)
    except (BenchError, LocalKafkaError, ConnectionError) as error:
        raise click.ClickException(str(error)) from error
    output.parent.mkdir(parents=True, exist_ok=True)
    measured = {"repeats": repeats, "rows": rows}
    output.write_text(json.dumps(conditions(load_before, PACKAGES) | measured, indent=2) + "\n")
    Console().print(_table(rows))
    click.echo(f"written to {output}")


def measure(ways: Mapping[str, Way], repeats: int) -> list[dict[str, Any]]:
    """Return a row for each size and way: mean and least delivery and mean execution, in ms."""
    samples = np.random.default_rng(0).normal(scale=0.1, size=(max(SIZES), WINDOW_LENGTH))
    rows = []
    for size in track(SIZES, "measuring", console=Console(stderr=True)):
        windows = samples[:size]
        timings: dict[str, list[Timing]] = {name: [] for name in ways}
        for way in ways.values():
            way(windows)
        # In turn, so that other load on the machine affects all ways.
        for _ in range(repeats):
            for name, way in ways.items():
                timings[name].append(way(windows))
        rows += [_row(size, name, each) for name, each in timings.items()]
    return rows


def _row(size: int, name: str, timings: Sequence[Timing]) -> dict[str, Any]:
    delivery = [timing.delivery for timing in timings]
    execution = [timing.execution for timing in timings if timing.execution is not None]
    return {
        "records": size,
        "way": name,
        "delivery_ms": round(mean(delivery), 3),
        "least_delivery_ms": round(min(delivery), 3),
        "execution_ms": round(mean(execution), 3) if execution else None,
    }


def _ways(stack: ExitStack, kafka: bool, servers: str | None) -> dict[str, Way]:
    original = stack.enter_context(server("-m", "tools.bench.http_original"))
    ours = stack.enter_context(server("-P", "-m", "bearing_stream", "serve", "--port", "0"))
    ways: dict[str, Way] = {
        ORIGINAL: HttpWay(original, binary=False),
        "JSON": HttpWay(ours, binary=False),
        "binary": HttpWay(ours, binary=True),
    }
    if kafka:
        if servers is None:
            servers = stack.enter_context(LocalKafka()).bootstrap_servers
        ways["Kafka"] = stack.enter_context(kafka_way(servers))
    return ways


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(row["way"] for row in rows))
    table = Table("records", title="delivery (execution), ms")
    for name in names:
        table.add_column(name, justify="right")
    for size in SIZES:
        by_way = {row["way"]: row for row in rows if row["records"] == size}
        original = by_way[ORIGINAL]["delivery_ms"]
        cells = []
        for name in names:
            delivery, execution = by_way[name]["delivery_ms"], by_way[name]["execution_ms"]
            cell = f"{delivery:.1f}" + (f" ({execution:.1f})" if execution is not None else "")
            cells.append(cell if name == ORIGINAL else f"{cell} {original / delivery:.1f}x")
        table.add_row(str(size), *cells)
    return table


if __name__ == "__main__":
    command()
