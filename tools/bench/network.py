"""How long the network takes for a window, by backend and size of the batch.

`python -m tools.bench.network`; see README.md.
"""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final, cast

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bearing_stream.vocabulary import WINDOW_LENGTH
from model.backends import Windows
from model.backends.choice import BackendChoice, Device, DeviceError
from model.diagnoser import Diagnoser
from tools.bench.figures import conclude

SIZES: Final = (1, 8, 64, 512, 4096, 65536)
"""Windows in a batch."""

AT_LEAST: Final = 0.1
"""Seconds of one measurement, and of what goes before it uncounted: a GPU and a processor run
slowly until they have work."""

TYPES: Final[Sequence[type[np.float32] | type[np.int16]]] = (np.float32, np.int16)

CORES: Final = len(os.sched_getaffinity(0))

WAYS: Final[Mapping[str, tuple[Device, BackendChoice, int | None]]] = {
    "native": ("cpu", "native", 1),
    "native, all cores": ("cpu", "native", CORES),
    "numpy": ("cpu", "numpy", 1),
    "torch, all cores": ("cpu", "torch", CORES),
    "cuda": ("cuda", "torch", CORES),
}
"""Device, backend and threads, which on CUDA copy windows; what this machine lacks is left out."""

Times = dict[tuple[str, str, int], list[float]]
"""Name, type and size → microseconds a window, of each round."""


def measure(rounds: int) -> Times:
    """Examine batches in memory with each backend in turn, `rounds` times."""
    diagnosers = {name: found for name in WAYS if (found := _opened(name)) is not None}
    windows = _windows(max(SIZES))
    times: Times = {}
    for _ in track(range(rounds), "measuring", console=Console(stderr=True)):
        for kind in TYPES:
            batches = cast("Windows", windows.astype(kind))
            for size in SIZES:
                for name, diagnoser in diagnosers.items():
                    taken = _microseconds(diagnoser, batches[:size])
                    times.setdefault((name, kind.__name__, size), []).append(taken)
    return times


def figures_of(times: Times) -> dict[str, Any]:
    """Return medians by backend, type and size, and the size from which CUDA takes less time.

    That is the smallest of a batch from which on CUDA takes less time than C in one thread.
    """
    medians: dict[tuple[str, str], dict[str, float]] = {}
    for (name, kind, size), taken in times.items():
        medians.setdefault((name, kind), {})[str(size)] = round(median(taken), 2)
    figures: dict[str, Any] = {
        "microseconds": [
            {"backend": name, "type": kind, **by_size} for (name, kind), by_size in medians.items()
        ]
    }
    for kind in (each.__name__ for each in TYPES):
        cuda, native = medians.get(("cuda", kind)), medians.get(("native", kind))
        if cuda and native:
            figures[f"cuda pays from, {kind}"] = pays_from(cuda, native)
    return figures


def pays_from(one: Mapping[str, float], other: Mapping[str, float]) -> int | None:
    """Return the smallest size from which on `one` takes less than `other`; None if there is none.

    Args:
        one: Size of a batch → microseconds a window.
        other: The same, of the same sizes.
    """
    smallest = None
    for size in sorted(map(int, one), reverse=True):
        if one[str(size)] >= other[str(size)]:
            break
        smallest = size
    return smallest


def _opened(name: str) -> Diagnoser | None:
    device, backend, threads = WAYS[name]
    try:
        return Diagnoser.load(device=device, backend=backend, threads=threads)
    except DeviceError as error:
        click.echo(f"without {name}: {error}", err=True)
        return None


def _windows(count: int) -> Windows:
    """Return noise whose counts fit in 16 bits, all windows different."""
    noise = np.random.default_rng(0).standard_normal((count, WINDOW_LENGTH), np.float32)
    noise *= 3000
    return noise


def _microseconds(diagnoser: Diagnoser, windows: Windows) -> float:
    """Return how long a window takes."""
    _seconds(diagnoser, windows)
    seconds, calls = _seconds(diagnoser, windows)
    return seconds / calls / len(windows) * 1e6


def _seconds(diagnoser: Diagnoser, windows: Windows) -> tuple[float, int]:
    """Examine a batch for `AT_LEAST` seconds; return how long it took, and how often."""
    began, calls = time.perf_counter(), 0
    while (taken := time.perf_counter() - began) < AT_LEAST:
        diagnoser.examine(windows)
        calls += 1
    return taken, calls


def _show(medians: Sequence[Mapping[str, Any]]) -> None:
    table = Table("backend", "type", *map(str, SIZES), title="µs a window, by size of the batch")
    for row in medians:
        cells = (f"{row[str(size)]:.2f}" for size in SIZES)
        table.add_row(row["backend"], row["type"], *cells)
    Console().print(table)


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
def command(rounds: int) -> None:
    """Measure how long each backend takes for a window that is in memory."""
    logging.basicConfig()
    with conclude("network.json", "network") as figures:
        figures.update(figures_of(measure(rounds)))
    _show(figures["microseconds"])


if __name__ == "__main__":
    command()
