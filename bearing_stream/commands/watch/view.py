"""A tally as a table for the terminal."""

from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bearing_stream.commands.watch.tally import Figures, SensorRow, Snapshot

OTHER_LINES: Final = 9
"""Lines of the picture that are no sensors: title, header, totals, borders, three notes."""

SILENT_AFTER: Final = 10.0
"""Seconds without a diagnosis from which on a sensor's row is dimmed."""

COLUMNS: Final = ("sensor", "state", "probability", "windows/s", "p50 ms", "p99 ms", "agreement")

WORDS: Final = ("sensor", "state")
"""Columns that hold no numbers."""


def render(snapshot: Snapshot, title: str, notes: list[str]) -> RenderableType:
    """The table of a snapshot, a row a sensor and one for all, and below it what is to be noted.

    Args:
        snapshot: From `Tally.snapshot`.
        title: Above the table.
        notes: Lines below it, each in one line of the terminal.
    """
    table = Table(
        title=Text(_printable(title)),
        title_justify="left",
        box=box.SIMPLE,
        show_edge=False,
        padding=(0, 1, 0, 0),
        show_footer=True,
        header_style="",
        footer_style="bold",
    )
    for name, total in zip(COLUMNS, _totals(snapshot), strict=True):
        table.add_column(
            name, total, justify="left" if name in WORDS else "right", no_wrap=True, max_width=40
        )
    for row in snapshot.rows:
        table.add_row(*_cells(row), style="dim" if row.age > SILENT_AFTER else "")
    lines = [Text(_printable(note), no_wrap=True, overflow="ellipsis") for note in notes]
    return Group(table, *lines)


def hidden(snapshot: Snapshot) -> list[str]:
    """A note on the sensors of a snapshot that its rows leave out, if there are any."""
    parts = []
    if more := snapshot.sensors - len(snapshot.rows):
        parts.append(f"{more:,} more sensors")
    if snapshot.dropped:
        parts.append(f"{snapshot.dropped:,} silent ones dropped")
    return [" and ".join(parts)] if parts else []


def doubted(snapshot: Snapshot) -> list[str]:
    """A note on how many diagnoses are uncertain, and why, if any are."""
    if not snapshot.uncertain:
        return []
    reasons = ", ".join(f"{reason} {times:,}" for reason, times in snapshot.reasons.items())
    return [f"? uncertain: {snapshot.uncertain:,} windows ({reasons})"]


def _cells(row: SensorRow) -> list[Text]:
    sure = "green" if row.prediction == "Normal" else "bold red"
    state = Text(row.prediction, style="yellow" if row.uncertain else sure)
    if row.uncertain:
        state.append("?")
    if row.age > SILENT_AFTER:
        state.append(f" ({row.age:,.0f} s ago)")
    probability = Text(f"{row.probability:.1%}")
    return [Text(_printable(row.sensor)), state, probability, *_figures(row.figures)]


def _totals(snapshot: Snapshot) -> list[Text]:
    total = snapshot.total
    name = Text(f"{snapshot.sensors:,} sensors")
    return [name, Text(f"{total.diagnosed:,} windows"), Text(""), *_figures(total)]


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


def _printable(text: str) -> str:
    """Without line breaks and escape sequences: a sensor's name must not command a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)
