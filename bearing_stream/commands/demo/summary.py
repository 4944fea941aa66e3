"""The summary of the demo, as a table and as JSON."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from rich.table import Table

from bearing_stream.commands.demo.account import Account
from bearing_stream.vocabulary import FAULT_LABELS

QUANTILES: Final = (50, 95, 99)

STEPS: Final = {
    "loading": "the consumer loads",
    "joining_the_group": "it joins its group",
    "start_to_first_diagnosis": "its start to the first diagnosis",
    "start_to_caught_up": "its start until it has caught up",
    "start_to_first_live_diagnosis": "its start to the first live diagnosis",
    "live_feed_to_first_live_diagnosis": "begin of the live feed to the first live diagnosis",
}
"""The durations of `Moments`, in words."""

Latency = dict[str, float]
"""Milliseconds by quantile, `p50`, `p95` and `p99`."""


def latency(milliseconds: Iterable[float]) -> Latency:
    """Return the quantiles; empty if there are no latencies."""
    values = np.fromiter(milliseconds, float)
    if not values.size:
        return {}
    return {f"p{q}": round(float(np.percentile(values, q)), 1) for q in QUANTILES}


def table(found: Account) -> Table:
    """Return the summary for the terminal."""
    times = latency(found.latencies)
    rows = Table(title="Counted in the topics afterwards", title_justify="left", show_header=False)
    rows.add_column(style="bold")
    rows.add_column(justify="right")
    rows.add_row("measurements sent", f"{found.sent:,}")
    rows.add_row("diagnosed", f"{found.diagnosed:,}")
    rows.add_row("dead letters", f"{found.dead_letters.total():,}")
    for reason, count in sorted(found.dead_letters.items()):
        rows.add_row(f"  {reason}", f"{count:,}", style="dim")
    rows.add_row("lost", f"{found.lost:,}", style="bold red" if found.lost else "green")
    colour = "bold red" if found.duplicated else "green"
    rows.add_row("duplicated", f"{found.duplicated:,}", style=colour)
    rows.add_row("agreement with the truth", _percent(found.agreement().share))
    for label in FAULT_LABELS:
        of_label = found.agreement(label)
        rows.add_row(f"  {label}", f"{of_label.agreed:,} of {of_label.judged:,}", style="dim")
    rows.add_row("alarms", ", ".join(found.alarm_events) or "none")
    rows.add_section()
    for name, seconds in found.moments.durations().items():
        rows.add_row(STEPS[name], "unknown" if seconds is None else f"{seconds:,.2f} s")
    rows.add_section()
    rows.add_row("throughput, catching up", f"{found.backlog_rate:,.0f} windows/s")
    for name, value in times.items():
        rows.add_row(f"latency {name}, live", f"{value:,.1f} ms")
    return rows


def write(found: Account, source: str, broker: str, path: Path) -> None:
    """Write the summary as a JSON object, and create the folder if necessary."""
    overall = found.agreement().share
    value = {
        "source": source,
        "broker": broker,
        "windows_sent": found.sent,
        "diagnosed": found.diagnosed,
        "dead_letters": found.dead_letters.total(),
        "lost": found.lost,
        "duplicated": found.duplicated,
        "agreement": overall,
        "agreement_by_class": {label: found.agreement(label).share for label in FAULT_LABELS},
        "alarm_events": found.alarm_events,
        "throughput_windows_per_s": round(found.backlog_rate, 1),
        "latency_ms": latency(found.latencies),
        "seconds": found.moments.durations(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.2%}"
