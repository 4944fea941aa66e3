"""`bearing-stream verify`."""

import signal
import sys
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bearing_stream.commands.terminal import (
    OutputConsole,
    counted,
    json_text,
    notice,
    standard_output,
)
from bearing_stream.commands.verify.reader import verify
from bearing_stream.commands.verify.report import OUT_OF_SCOPE, VIOLATIONS, Offender, Report
from bearing_stream.commands.verify.settings import VerifySettings
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError, wait_for_topics


@click.command(name="verify")
@click.option("--json", "as_json", is_flag=True, help="Print the report as a JSON object.")
@options(VerifySettings)
def command(as_json: bool, **given: Any) -> None:
    """Check that every window has exactly one result, in order.

    A result is a diagnosis or a dead letter. The check reads the three topics and uses nothing that
    the consumer reports. It joins no group and commits nothing. The exit status is 1 if the
    guarantee is violated.
    """
    settings = from_command_line(VerifySettings, given)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    topics = [settings.windows_topic, settings.diagnoses_topic, settings.dead_letters_topic]
    try:
        wait_for_topics(settings.client_properties(), topics, settings.startup_timeout, notice)
        report = _with_progress_bars(settings)
    except FatalKafkaError as error:
        raise click.ClickException(str(error)) from error
    except MemoryError:
        raise click.ClickException(
            "the range does not fit into memory, at 29 bytes an offset: narrow it, for instance "
            "with --since"
        ) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; nothing was verified") from None
    with standard_output():
        if as_json:
            click.echo(json_text(report.as_json(), indent=2))
        else:
            _show(report, settings)
    if report.wrong:
        sys.exit(1)


def _with_progress_bars(settings: VerifySettings) -> Report:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        tasks = {
            topic: bars.add_task(topic, total=None)
            for topic in (
                settings.windows_topic,
                settings.diagnoses_topic,
                settings.dead_letters_topic,
            )
        }

        def show(topic: str, done: int, total: int) -> None:
            """Update the bar of a topic."""
            bars.update(tasks[topic], completed=done, total=total)

        return verify(settings, show)


def _show(report: Report, settings: VerifySettings) -> None:
    rows = Table(title=f"{settings.windows_topic}, checked in {report.seconds:,.1f} s", box=None)
    rows.title_justify = "left"
    rows.show_header = False
    rows.add_column(justify="right")
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column(style="dim")
    rows.add_row(f"{report.windows:,}", "windows", _range(report))
    rows.add_row(f"{report.diagnosed:,}", "diagnosed", "")
    rows.add_row(f"{report.dead_letters:,}", "dead letters", "")
    for name, meaning in VIOLATIONS.items():
        count = getattr(report, name)
        style = "bold red" if name in report.wrong else "green"
        rows.add_row(f"[{style}]{count:,}[/]", name.replace("_", " "), meaning)
    for name, meaning in OUT_OF_SCOPE.items():
        if count := getattr(report, name):
            rows.add_row(f"{count:,}", "out of scope", meaning)
    console = OutputConsole()
    console.print(rows)
    if not report.windows:
        console.print("The range contains no window: nothing was checked.")
    for name, offenders in report.samples.items():
        for offender in offenders:
            console.print(f"{name.replace('_', ' ')}: {_description(offender)}", highlight=False)
    if report.duplicated and len(report.groups) > 1:
        console.print(
            f"The dead letters are from the consumer groups {', '.join(report.groups)}, and each "
            "group gives every window a result: let each publish to topics of its own.",
            markup=False,
            highlight=False,
        )
    if report.lost and report.deleted_results:
        console.print(
            f"Retention has deleted {report.deleted_results:,} offsets of diagnoses and dead "
            "letters: windows whose result was there count as lost. --since excludes them."
        )
    for topic, offsets in report.held_back.items():
        where = ", ".join(f"{partition}:{offset}" for partition, offset in offsets.items())
        console.print(
            f"A transaction is open in '{topic}' from {where}: results committed beyond that "
            "cannot be read, and their windows count as lost. Kafka aborts the transaction after "
            "its transaction.timeout.ms; if it does not, `bearing-stream transactions abort` does.",
            highlight=False,
        )


def _range(report: Report) -> str:
    offsets = sum(end - start for start, end in report.spans.values())
    return f"in {counted(offsets, 'offset')} of {counted(len(report.spans), 'partition')}"


def _description(offender: Offender) -> str:
    parts = []
    if offender.window is not None:
        parts.append(f"window {offender.window}")
    if offender.result is not None:
        parts.append(f"{offender.kind} {offender.result}")
    return " by ".join(parts)
