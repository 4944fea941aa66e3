"""Writes the figures of a measurement and its conditions to a file, and prints them."""

import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

FOLDER: Final = Path("out")

VERSIONS: Final = ("bearing-stream", "confluent-kafka", "torch")


def conditions(
    load_before: tuple[float, float, float], packages: Sequence[str] = VERSIONS
) -> dict[str, Any]:
    """Return the time, machine, load and package versions of a measurement."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "load_before": load_before,
        "machine": platform.platform(),
        "versions": {name: version(name) for name in packages}
        | {"python": platform.python_version()},
    }


@contextmanager
def conclude(file: str, name: str) -> Iterator[dict[str, Any]]:
    """Yield a dict for figures; write and print it when the block ends without an error.

    Args:
        file: Name of the file in `out/`. The figures of other measurements in it are kept.
        name: Name of this measurement.
    """
    measured_under = conditions(os.getloadavg())
    figures: dict[str, Any] = {}
    yield figures
    measured_under["load_after"] = os.getloadavg()
    path = FOLDER / file
    path.parent.mkdir(parents=True, exist_ok=True)
    written = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(written | {name: measured_under | figures}, indent=1) + "\n")
    _show(name, figures)
    click.echo(f"written to {path}")


def _show(name: str, figures: dict[str, Any]) -> None:
    table = Table(show_header=False, title=name)
    for key, value in figures.items():
        if isinstance(value, dict):
            text = ", ".join(f"{each} {_text(one)}" for each, one in value.items())
        else:
            text = _text(value)
        if not isinstance(value, list):
            table.add_row(key, text)
    Console().print(table)


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
