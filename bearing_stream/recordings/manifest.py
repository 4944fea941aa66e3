"""A manifest: a table of recordings in files, with what the files do not state.

    file,rate,rpm,channel
    monday.csv,25600,1780,axial
    night/tuesday.wav,,1490,

Only the column `file` is required. An empty cell states nothing.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Final, TypeVar

import click

from bearing_stream.recordings.errors import RecordingError

COLUMNS: Final = ("file", "rate", "rpm", "channel")

T = TypeVar("T")

manifest_option: Final = click.option(
    "--manifest",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Table of the files (CSV) instead of their names: columns file, rate, rpm, channel. "
    "What it states overrides the options.",
)
"""The option of every command that reads several files."""

_NUMBERS: Final = ("rate", "rpm")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A recording of a manifest.

    Args:
        file: Its path; a relative one is relative to the manifest's folder.
        rate: Sampling rate, Hz; None if it is not stated.
        rpm: Shaft speed; None if it is not stated.
        channel: Name or index of the signal; None if it is not stated.
    """

    file: Path
    rate: float | None = None
    rpm: float | None = None
    channel: str | None = None


def chosen_files(
    files: Sequence[Path],
    manifest: Path | None,
    rates: Sequence[float] = (),
    rpm: Sequence[float] = (),
    channel: str | None = None,
) -> tuple[ManifestRow, ...]:
    """Return the files that a command line names, each with what is stated of it.

    Args:
        files: Named one by one; empty with a manifest.
        manifest: A table of files. What it leaves empty is what the other arguments state.
        rates: One sampling rate for all files, one for each, or none.
        rpm: One shaft speed for all files, one for each, or none.
        channel: Of all files.

    Raises:
        RecordingError: The manifest cannot be read.
        click.UsageError: There are no files, files and a manifest, or another number of values.
    """
    if bool(files) == (manifest is not None):
        raise click.UsageError("name the files, or a table of them with --manifest")
    rows = (
        tuple(ManifestRow(file) for file in files) if manifest is None else read_manifest(manifest)
    )
    stated = zip(
        rows,
        _for_each(rows, rates, "--rate", "sampling rate"),
        _for_each(rows, rpm, "--rpm", "shaft speed"),
        strict=True,
    )
    return tuple(
        replace(
            row,
            rate=rate if row.rate is None else row.rate,
            rpm=speed if row.rpm is None else row.rpm,
            channel=channel if row.channel is None else row.channel,
        )
        for row, rate, speed in stated
    )


def _for_each(
    rows: Sequence[ManifestRow], values: Sequence[T], option: str, noun: str
) -> Sequence[T | None]:
    """Return a value for each row: None, the one given, or as many as there are rows."""
    if len(values) == len(rows):
        return values
    if len(values) > 1:
        raise click.UsageError(f"{expected(option, noun, len(rows))}, got {len(values)}")
    return [*values, None][:1] * len(rows)


def expected(option: str, noun: str, files: int) -> str:
    """Return the beginning of a message: how often an option must be given for some files."""
    each = f", or one for each of {files} files" if files > 1 else ""
    return f"{option}: expected one {noun}{each}"


def read_manifest(path: Path) -> tuple[ManifestRow, ...]:
    """Read a manifest: CSV with a header, separated by commas, semicolons or tabs, in UTF-8.

    Raises:
        RecordingError: It cannot be read, has an unknown column or no column `file`, names no file,
            or has a number that is none or not positive; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path}: expected a manifest in UTF-8") from error
    delimiter = max(",;\t", key=(lines or [""])[0].count)
    table = csv.reader(lines, delimiter=delimiter)
    header = [name.strip().lower() for name in next(table, [])]
    _check_header(path, header)
    # An empty line states nothing.
    rows = tuple(
        _row(path, table.line_num, header, [cell.strip() for cell in cells])
        for cells in table
        if any(cell.strip() for cell in cells)
    )
    if not rows:
        raise RecordingError(f"{path}: the manifest names no file")
    return rows


def _check_header(path: Path, header: list[str]) -> None:
    unknown = [name for name in header if name not in COLUMNS]
    if "file" not in header or unknown or len(set(header)) < len(header):
        raise RecordingError(
            f"{path}: expected a header with the column 'file' and any of "
            f"{', '.join(map(repr, COLUMNS[1:]))}, got {', '.join(map(repr, header)) or 'nothing'}"
        )


def _row(path: Path, line: int, header: list[str], cells: list[str]) -> ManifestRow:
    if len(cells) > len(header):
        raise RecordingError(f"{path}, line {line}: expected {len(header)} cells, got {len(cells)}")
    stated = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
    if "file" not in stated:
        raise RecordingError(f"{path}, line {line}: the column 'file' is empty")
    rate, rpm = (_number(path, line, name, stated.get(name)) for name in _NUMBERS)
    return ManifestRow(path.parent / stated["file"], rate, rpm, stated.get("channel"))


def _number(path: Path, line: int, name: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not (isfinite(value) and value > 0):
        raise RecordingError(
            f"{path}, line {line}: {name}: expected a positive number, got {text!r}"
        )
    return value
