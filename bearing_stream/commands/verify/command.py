"""`bearing-stream verify`."""

import signal
import sys
from typing import Any

import click
from pydantic_core import to_json
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bearing_stream.commands.verify.reader import verify
from bearing_stream.commands.verify.report import ASIDE, MEANING, Offender, Report
from bearing_stream.commands.verify.settings import VerifySettings
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError, wait_for_topics


@click.command(name="verify")
@click.option("--json", "as_json", is_flag=True, help="Print the report as a JSON object.")
@options(VerifySettings)
def command(as_json: bool, **given: Any) -> None:
    """Check in the topics that every window was answered once, and in order.

    It reads windows, committed diagnoses and dead letters, and believes nothing that the consumer
    says of itself. It joins no group and commits nothing. If anything is wrong, the exit status is
    1.
    """
    settings = from_command_line(VerifySettings, given)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    topics = [settings.windows_topic, settings.diagnoses_topic, settings.dead_letters_topic]
    try:
        wait_for_topics(settings.client_properties(), topics, settings.startup_timeout, _complain)
        report = _with_bars(settings)
    except FatalKafkaError as error:
        raise click.ClickException(str(error)) from error
    except MemoryError:
        raise click.ClickException(
            "the range is too large for the memory, at 21 bytes an offset: narrow it, for instance "
            "with --since"
        ) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; nothing is verified") from None
    if as_json:
        click.echo(to_json(report.as_json(), indent=2).decode())
    else:
        _show(report, settings)
    if report.wrong:
        sys.exit(1)


def _with_bars(settings: VerifySettings) -> Report:
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
    for name, meaning in MEANING.items():
        count = getattr(report, name)
        style = "bold red" if name in report.wrong else "green"
        rows.add_row(f"[{style}]{count:,}[/]", name.replace("_", " "), meaning)
    for name, meaning in ASIDE.items():
        if count := getattr(report, name):
            rows.add_row(f"{count:,}", "set aside", meaning)
    console = Console()
    console.print(rows)
    if not report.windows:
        console.print("There is no window in this range: nothing was checked.")
    for name, offenders in report.samples.items():
        for offender in offenders:
            console.print(f"{name.replace('_', ' ')}: {_words(offender)}", highlight=False)
    if report.lost and report.deleted_answers:
        console.print(
            f"{report.deleted_answers:,} offsets of diagnoses and dead letters are gone by "
            "retention: windows that were answered there count as lost. --since leaves them out."
        )
    for topic, offsets in report.held_back.items():
        where = ", ".join(f"{partition}:{offset}" for partition, offset in offsets.items())
        console.print(
            f"A transaction is open in '{topic}' from {where}: what is committed behind that "
            "cannot be read, and counts as lost. Kafka ends it when its transaction.timeout.ms is "
            "over; if it does not, kafka-transactions.sh find-hanging and abort do.",
            highlight=False,
        )


def _range(report: Report) -> str:
    offsets = sum(end - start for start, end in report.spans.values())
    return f"in {offsets:,} offsets of {len(report.spans):,} partitions"


def _words(offender: Offender) -> str:
    words = []
    if offender.window is not None:
        words.append(f"window {offender.window.partition}:{offender.window.offset}")
    if offender.answer is not None:
        words.append(f"{offender.kind} {offender.answer.partition}:{offender.answer.offset}")
    return " by ".join(words)


def _complain(line: str) -> None:
    click.echo(line, err=True)
