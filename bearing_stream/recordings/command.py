"""`bearing-stream recordings`: the CWRU recordings on this machine."""

from collections import Counter
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.table import Table

from bearing_stream.recordings.catalogue import CatalogueEntry, catalogue
from bearing_stream.recordings.cwru import read_entry
from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.fetch import (
    DATA_CENTER,
    cache_folder,
    default_folder,
    fetch,
    import_packages,
    verify,
)

data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="CWRU_DATA",
    show_envvar=True,
    help="Folder with the data center's .mat files. [default: the user's cache]",
)


def named_folder(data: Path | None, wanted: str) -> Path:
    """The folder of the recordings, for a command that requires them.

    Args:
        data: The value of `data_option`.
        wanted: What the command needs, for the error message: `recordings to train on`.

    Raises:
        click.UsageError: There are none; the message states how to get them.
    """
    folder = default_folder(data)
    if folder is None:
        raise click.UsageError(
            f"no {wanted}: name their folder with --data or CWRU_DATA, or get them with "
            "`bearing-stream recordings fetch`"
        )
    return folder


@click.group()
def command() -> None:
    """List, fetch and verify the CWRU bearing recordings."""


@command.command("list")
@data_option
@click.option("--strict", is_flag=True, help="Refuse files that are not the official ones.")
def list_(data: Path | None, strict: bool) -> None:
    """Show the 64 recordings, with the number of windows of those in the folder."""
    folder = _folder(default_folder(data))
    columns = ["id", "label", "fault", "inch", "o'clock", "hp", "rpm", "file Hz", "windows"]
    table = Table(*columns, title=str(folder), box=SIMPLE_HEAD, padding=0)
    refused = []
    for entry in catalogue():
        rpm, windows = f"{entry.nominal_rpm:.0f}", "-"
        if (folder / entry.file_name).is_file():
            try:
                recording = read_entry(folder, entry, strict)
                rpm, windows = f"{recording.rpm:.0f}", str(len(recording.windows()))
            except RecordingError as error:
                refused.append(str(error))
                windows = "refused"
        table.add_row(*_known(entry), rpm, str(entry.sampling_rate), windows)
    Console().print(table)
    if refused:
        raise click.ClickException("\n".join(refused))


@command.command("fetch")
@data_option
@click.option(
    "--replace", is_flag=True, help="Replace files in the folder that are not the official ones."
)
@click.option("--from", "base_url", default=DATA_CENTER, show_default=True, help="Base URL.")
@click.argument("ids", nargs=-1, metavar="[ID]...")
def fetch_(data: Path | None, replace: bool, base_url: str, ids: tuple[str, ...]) -> None:
    """Download the recordings with these IDs, or all 64 (195 MB)."""
    folder = _folder(data)
    unwanted = {"official"} if replace else {"official", "another one"}
    try:
        checks = list(verify(folder, _chosen(ids)))
        wanted = [check.entry for check in checks if check.state not in unwanted]
        _fetch_all(wanted, folder, base_url.rstrip("/"))
    except RecordingError as error:
        raise click.ClickException(str(error)) from error
    kept = 0 if replace else sum(check.state == "another one" for check in checks)
    click.echo(f"{len(wanted)} fetched, {len(checks) - len(wanted)} already present: {folder}")
    if kept:
        click.echo(
            f"{kept} of those present are not the official files; --replace fetches them again"
        )


@command.command("verify")
@data_option
def verify_(data: Path | None) -> None:
    """Report for each file whether it is the official one, another one, or missing.

    The exit status is 1 unless all 64 are official.
    """
    folder = _folder(default_folder(data))
    states: Counter[str] = Counter()
    try:
        for check in verify(folder):
            states[check.state] += 1
            click.echo(f"{check.entry.file_name:>8}  {check.state}")
            if check.state == "another one":
                click.echo(f"{'':10}official {check.entry.official_sha256}")
                click.echo(f"{'':10}found    {check.found_sha256}")
    except RecordingError as error:
        raise click.ClickException(str(error)) from error
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    click.echo(f"{folder}: {counts}")
    if states["official"] != len(catalogue()):
        raise SystemExit(1)


def _folder(named: Path | None) -> Path:
    """Return the folder, or the cache; without either, raise an error with one line of advice."""
    try:
        return named or cache_folder()
    except RecordingError as error:
        raise click.ClickException(str(error)) from error


def _known(entry: CatalogueEntry) -> tuple[str, str, str, str, str, str]:
    diameter = "" if entry.fault_diameter is None else f"{entry.fault_diameter:.3f}"
    position = "" if entry.outer_race_position is None else str(entry.outer_race_position)
    return entry.id, entry.label, entry.fault, diameter, position, f"{entry.load:.0f}"


def _chosen(ids: tuple[str, ...]) -> list[CatalogueEntry]:
    by_id = {entry.id: entry for entry in catalogue()}
    unknown = [given for given in ids if given not in by_id]
    if unknown:
        raise click.UsageError(f"no recording {', '.join(unknown)}: `recordings list` shows all")
    return [by_id[given] for given in ids] or list(by_id.values())


def _fetch_all(entries: list[CatalogueEntry], folder: Path, base_url: str) -> None:
    if not entries:
        return
    import_packages()
    bars = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*bars, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=sum(entry.official_bytes for entry in entries))
        finished = 0
        for entry in entries:
            progress.update(task, description=entry.file_name)
            for have in fetch(entry, folder, base_url):
                progress.update(task, completed=finished + have)
            finished += entry.official_bytes
