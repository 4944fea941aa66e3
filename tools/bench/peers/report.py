"""Prints the comparison, and writes it to `out/peers`."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bearing_stream.commands.capacity.conclusion import OTHERS_LIMIT
from tools.bench.peers.latency import Latency
from tools.bench.peers.picture import draw
from tools.bench.peers.results import Entry
from tools.bench.peers.summary import Ratio, Row, disturbances, ratios, rows

FOLDER: Final = Path("out/peers")

WIDTH: Final = 140
"""Columns of the table where the output is not a terminal."""


def report(
    entries: Sequence[Entry], measured: Mapping[str, Any], without: Mapping[str, str], sensors: int
) -> None:
    """Print a table, ratios and what was disturbed; write a JSON file and a picture.

    Args:
        entries: All measurements.
        measured: The conditions of the comparison.
        without: Contenders without figures → why.
        sensors: For which the latency is shown.
    """
    console, found, compared = Console(), rows(entries), ratios(entries)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(_table(found, sensors))
    console.print("How many times as many windows a second:")
    for ratio in compared:
        console.print(f"  {_line(ratio)}", highlight=False)
    for entry in entries:
        if isinstance(entry.result, Latency) and entry.result.parts:
            parts = ", ".join(f"{name} {ms:.1f}" for name, ms in entry.result.parts.items())
            console.print(f"{entry.name}, {entry.turn} sensors, ms: {parts}", highlight=False)
    for name, reason in without.items():
        console.print(f"without {name}: {reason}", markup=False, highlight=False)
    lines = disturbances(entries)
    if lines:
        console.print(f"In no ratio, as others used over {OTHERS_LIMIT:g} cores (in brackets):")
    for line in lines:
        console.print(f"  {line}", highlight=False)
    conditions = (
        f"{measured['processor'] or 'unknown processor'}, {measured['cores']} cores, load before "
        f"{measured['load_before'][0]:.2f}, after {os.getloadavg()[0]:.2f}; {_versions(measured)}"
    )
    console.print(conditions, highlight=False, soft_wrap=True)
    facts = {
        **measured,
        "without": without,
        "rows": [asdict(row) for row in found],
        "ratios": [asdict(ratio) for ratio in compared],
        "disturbed": lines,
        "measurements": [asdict(entry) for entry in entries],
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "peers.json").write_text(json.dumps(facts, indent=1) + "\n")
    draw(found, sensors, conditions, FOLDER / "peers.png")
    console.print(f"written to {FOLDER}/peers.json and {FOLDER}/peers.png")


def _table(found: Sequence[Row], sensors: int) -> Table:
    table = Table(title="* other work disturbed some of its measurements")
    table.add_column("")
    for title in (
        *("windows/s", "least", "most", "µs/window", "of Kafka", "p50 ms", "p99 ms"),
        *("MiB", "start s"),
    ):
        table.add_column(title, justify="right")
    for row in found:
        p50, p99 = row.latencies.get(sensors, (float("nan"), float("nan")))
        table.add_row(
            row.name + (" *" if row.disturbed else ""),
            *(_number(rate, 0) for rate in (row.windows_per_second, row.least, row.most)),
            _number(row.own_microseconds, 1),
            _number(row.broker_microseconds, 1),
            _number(p50, 1),
            _number(p99, 1),
            _number(row.memory_mib, 0),
            _number(row.start_seconds, 1),
        )
        for few, (p50, p99) in row.latencies.items():
            if few != sensors:
                blank = [""] * 5
                label = f"  with {few} sensors"
                table.add_row(label, *blank, _number(p50, 1), _number(p99, 1), "", "")
    return table


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}" if value == value else "-"


def _line(ratio: Ratio) -> str:
    if ratio.times is None:
        return f"{ratio.name} and {ratio.other}: no ratio, {ratio.reason}"
    return f"{ratio.name}: {ratio.times:.2f} times {ratio.other}"


def _versions(measured: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in measured["versions"].items())
