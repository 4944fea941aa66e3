"""`bearing-stream diagnose`."""

from pathlib import Path
from typing import Any

import click

from bearing_stream.commands.diagnose.settings import DiagnoseSettings
from bearing_stream.commands.diagnose.verdict import Verdict, judge
from bearing_stream.commands.diagnose.view import Lines, json_lines
from bearing_stream.config import from_command_line, options
from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.files import read_file
from model.assessor import Assessor
from model.checkpoint import CheckpointError
from model.diagnoser import DeviceError
from model.sensors import SensorsError


@click.command(name="diagnose")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an object a line.")
@options(DiagnoseSettings)
def command(files: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Diagnose recordings in files (.mat, .npy, .csv, .wav): a line for each.

    Shows which share of a recording's windows, of 2048 samples at 12 kHz, is predicted to be of
    which class, which share is doubted and why, and how novel the windows are in the median (above
    1 the network knows nothing like it). The exit status is 1 if a file cannot be read.
    """
    settings = from_command_line(DiagnoseSettings, given)
    try:
        assessor = Assessor.of(settings)
    except (CheckpointError, DeviceError, SensorsError) as error:
        raise click.ClickException(str(error)) from error
    lines = Lines(files, settings.windows)
    if not as_json:
        click.echo(lines.header())
    unreadable = False
    for file in files:
        try:
            verdict = _verdict(file, settings, assessor)
        except RecordingError as error:
            click.echo(f"Error: {error}", err=True)
            unreadable = True
            continue
        if verdict.without_physics:
            click.echo(_silent(file, settings), err=True)
        for line in json_lines(verdict, settings.windows) if as_json else lines.of(verdict):
            click.echo(line)
    if unreadable:
        raise SystemExit(1)


def _silent(file: str, settings: DiagnoseSettings) -> str:
    return (
        f"Warning: {file}: physics has nothing to say of sensor "
        f"'{settings.sensor or Path(file).stem}', and the network alone decides: name one that "
        "a row of the table of sensors gives a baseline to (--sensor, --sensor-table)"
    )


def _verdict(file: str, settings: DiagnoseSettings, assessor: Assessor) -> Verdict:
    recording = read_file(
        Path(file),
        sampling_rate=settings.rate,
        channel=settings.channel,
        sensor=settings.sensor,
        rpm=settings.rpm,
    )
    return judge(file, recording, assessor)
