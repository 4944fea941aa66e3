"""Formats the statistics as a table for the terminal."""

from itertools import zip_longest
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bearing_stream.commands.terminal import counted, printable
from bearing_stream.commands.watch.statistics import Figures, SensorSummary, Snapshot

OTHER_LINES: Final = 9
"""Lines of the output that are no sensors: title, header, totals, borders, three notes."""

SILENT_AFTER: Final = 10.0
"""Seconds without a diagnosis after which the row of a sensor is dimmed."""

COLUMNS: Final = ("sensor", "state", "probability", "per s", "p50 ms", "p99 ms", "agreement")

INDICATOR_COLUMNS: Final = (
    "sensor",
    "state",
    "probability",
    "rms",
    "peak",
    "crest",
    "kurt",
    "mm/s",
)

TEXT_COLUMNS: Final = ("sensor", "state")
"""Columns that contain no numbers."""


def render(
    snapshot: Snapshot, title: str, notes: list[str], indicators: bool = False
) -> RenderableType:
    """Return the table of a snapshot, with a row for each sensor and one for all, and the notes.

    Args:
        snapshot: From `SensorStatistics.snapshot`.
        title: Above the table.
        notes: Below the table, each cut to one line of the terminal.
        indicators: Show condition indicators in place of rates and latencies.
    """
    columns = INDICATOR_COLUMNS if indicators else COLUMNS
    table = Table(
        title=Text(printable(title)),
        title_justify="left",
        box=box.SIMPLE,
        show_edge=False,
        padding=(0, 1, 0, 0),
        show_footer=True,
        header_style="",
        footer_style="bold",
    )
    totals = _totals(snapshot)
    for name, total in zip_longest(columns, totals[:3] if indicators else totals, fillvalue=""):
        table.add_column(
            name,
            total,
            justify="left" if name in TEXT_COLUMNS else "right",
            no_wrap=True,
            min_width=len("OuterRace?") if name == "state" else None,
            max_width=40,
        )
    for row in snapshot.rows:
        measured = _indicators(row) if indicators else _figures(row.figures)
        table.add_row(*_cells(row), *measured, style="dim" if row.age > SILENT_AFTER else "")
    lines = [Text(printable(note), no_wrap=True, overflow="ellipsis") for note in notes]
    return Group(table, *lines)


def hidden_note(snapshot: Snapshot) -> list[str]:
    """Return a note on the sensors that are not in the rows of a snapshot, if there are any."""
    parts = []
    if more := snapshot.sensors - len(snapshot.rows):
        parts.append(counted(more, "more sensor"))
    if snapshot.dropped:
        parts.append(f"{snapshot.dropped:,} silent ones removed")
    return [" and ".join(parts)] if parts else []


def uncertain_note(snapshot: Snapshot) -> list[str]:
    """Return a note on the number of uncertain diagnoses by quality flag, if there are any."""
    if not snapshot.uncertain:
        return []
    flags = ", ".join(f"{flag} {count:,}" for flag, count in snapshot.quality_flags.items())
    return [f"? uncertain: {snapshot.uncertain:,} diagnoses ({flags})"]


def _cells(row: SensorSummary) -> list[Text]:
    certain = "green" if row.prediction == "Normal" else "bold red"
    state = Text(row.prediction, style="yellow" if row.uncertain else certain)
    if row.uncertain:
        state.append("?")
    if row.age > SILENT_AFTER:
        state.append(f" ({row.age:,.0f} s ago)")
    probability = Text(f"{row.probability:.1%}")
    return [Text(printable(row.sensor)), state, probability]


def _indicators(row: SensorSummary) -> list[Text]:
    found = row.indicators
    if found is None:
        return [Text("")] * 5
    velocity = "" if found.velocity_rms is None else f"{found.velocity_rms:.2f}"
    return [
        Text(f"{found.rms:.3g} {printable(row.unit)}".rstrip()),
        Text(f"{found.peak:.3g}"),
        Text(f"{found.crest_factor:.1f}"),
        Text(f"{found.kurtosis:.1f}"),
        Text(velocity),
    ]


def _totals(snapshot: Snapshot) -> list[Text]:
    total = snapshot.total
    name = Text(counted(snapshot.sensors, "sensor"))
    return [name, Text(f"{total.diagnosed:,} diagnoses"), Text(""), *_figures(total)]


def _figures(figures: Figures) -> list[Text]:
    if not figures.diagnosed:
        return [Text("")] * 4
    agreement = f"{figures.agreed / figures.judged:.1%}" if figures.judged else ""
    return [
        Text(f"{figures.per_second:,.1f}"),
        Text(f"{figures.p50:,.1f}"),
        Text(f"{figures.p99:,.1f}"),
        Text(agreement),
    ]
