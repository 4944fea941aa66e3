"""`bearing-stream diagnose`."""

from pathlib import Path
from typing import Any

import click

from bearing_stream.commands.diagnose.recording_diagnosis import (
    RecordingDiagnosis,
    diagnose_recording,
)
from bearing_stream.commands.diagnose.settings import DiagnoseSettings
from bearing_stream.commands.diagnose.view import Lines, json_lines
from bearing_stream.config import from_command_line, options
from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.names import as_text
from model.assessor import Assessor
from model.backends.choice import DeviceError
from model.sensors import SensorsError
from model.weights import CheckpointError


@click.command(name="diagnose")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
@options(DiagnoseSettings)
def command(files: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Diagnose recordings in files (CSV, .mat, .npy, .wav and others) and print a line for each.

    For the windows of a recording, of 2048 samples at 12 kHz, the line shows the share of each
    prediction, the share of uncertain diagnoses and their quality flags, and the median novelty
    (above 1, the windows are unlike those that the network was trained on). Which signal of the
    file, rate and unit were read is printed to stderr, and with --json in `origin`. The exit status
    is 1 if a file cannot be read.
    """
    settings = from_command_line(DiagnoseSettings, given)
    try:
        assessor = Assessor.of(settings)
    except (CheckpointError, DeviceError, SensorsError) as error:
        raise click.ClickException(str(error)) from error
    lines = Lines([as_text(file) for file in files], settings.windows)
    if not as_json:
        click.echo(lines.header())
    unreadable = False
    for file in files:
        try:
            diagnosis = _diagnose(file, settings, assessor)
        except RecordingError as error:
            click.echo(f"Error: {as_text(str(error))}", err=True)
            unreadable = True
            continue
        if diagnosis.origin is not None and (settings.windows or not as_json):
            click.echo(f"{as_text(file)}: {as_text(diagnosis.origin.described())}", err=True)
        if diagnosis.without_physics:
            click.echo(_no_evidence(file, settings), err=True)
        for line in json_lines(diagnosis, settings.windows) if as_json else lines.of(diagnosis):
            click.echo(line)
    if unreadable:
        raise SystemExit(1)


def _no_evidence(file: str, settings: DiagnoseSettings) -> str:
    sensor = settings.sensor or as_text(Path(file).stem)
    return (
        f"Warning: {as_text(file)}: there is no physical evidence for sensor '{sensor}', so the "
        "network alone decides: name a sensor that has a baseline in the table of sensors "
        "(--sensor, --sensor-table)"
    )


def _diagnose(file: str, settings: DiagnoseSettings, assessor: Assessor) -> RecordingDiagnosis:
    recording = settings.read(
        Path(file),
        rate=settings.rate,
        channel=settings.channel,
        sensor=settings.sensor,
        rpm=settings.rpm,
    )
    return diagnose_recording(as_text(file), recording, assessor)
