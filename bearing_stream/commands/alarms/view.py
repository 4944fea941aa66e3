"""Formats alarms and events for a terminal."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bearing_stream.commands.alarms.reading import Row, time_of
from bearing_stream.commands.terminal import OutputConsole, printable
from bearing_stream.wire import format_time
from bearing_stream.wire.alarm import Alarm, AlarmEvent
from bearing_stream.wire.alarm_terms import DisplayState

PIPED_WIDTH: Final = 400
"""Columns of the output if it is no terminal."""

STYLES: Final = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
"""Severity → style."""


def console() -> Console:
    """Return a console on standard output."""
    created = OutputConsole()
    return created if created.is_terminal else OutputConsole(width=PIPED_WIDTH)


def show_alarms(groups: Iterable[list[Row]], to: Console) -> None:
    """Print a table of alarms by machine; those after the first of a machine are indented."""
    shown = _table("severity", "state", "alarm", "label", "since", "count", "data")
    for group in groups:
        shown.add_section()
        for place, row in enumerate(group):
            alarm = row.alarm
            shown.add_row(
                Text(printable(alarm.severity), STYLES.get(alarm.severity, "")),
                Text(printable(alarm.state) + _cleared(alarm)),
                Text(("  " if place else "") + printable(alarm.alarm_id)),
                Text(printable(alarm.label or "")),
                "" if alarm.since is None else format_time(alarm.since, "seconds"),
                f"{alarm.count:,}",
                Text(printable(alarm.data)),
            )
    if shown.row_count:
        to.print(shown)
    else:
        to.print("no alarms")


def _cleared(alarm: Alarm) -> str:
    """Return what the state leaves open: whether a latched alarm has been cleared."""
    return ", cleared" if alarm.state == DisplayState.LATCHED and not alarm.active else ""


def show_alarm(alarm: Alarm, to: Console) -> None:
    """Print every field of an alarm."""
    shown = Table(box=None, show_header=False, pad_edge=False)
    for name, value in alarm.model_dump(mode="json").items():
        shown.add_row(name, Text("" if value is None else printable(str(value))))
    to.print(shown)


def show_events(events: Iterable[AlarmEvent], to: Console) -> None:
    """Print a table of events; the time is that of the command or else of the measurement."""
    shown = _table("time", "event", "alarm", "severity", "label", "state", "by", "reason")
    for event in events:
        at, command = time_of(event), event.command
        texts = () if command is None else (command.reason, command.detail)
        shown.add_row(
            "" if at is None else format_time(at, "milliseconds"),
            Text(printable(event.event)),
            Text(printable(event.alarm_id)),
            Text(printable(event.severity), STYLES.get(event.severity, "")),
            Text(printable(event.label or "")),
            Text(printable(event.state)),
            Text("" if command is None else printable(command.by)),
            Text(printable(": ".join(filter(None, texts)))),
        )
    if shown.row_count:
        to.print(shown)
    else:
        to.print("no events")


def _table(*headings: str) -> Table:
    shown = Table(box=None, pad_edge=False)
    for heading in headings:
        shown.add_column(heading)
    return shown
