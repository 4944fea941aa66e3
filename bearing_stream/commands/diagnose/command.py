"""`bearing-stream diagnose`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from bearing_stream.commands.diagnose.known_sensor import baseline_of, why_no_evidence
from bearing_stream.commands.diagnose.recording_diagnosis import (
    RecordingDiagnosis,
    diagnose_recording,
)
from bearing_stream.commands.diagnose.settings import DiagnoseSettings
from bearing_stream.commands.diagnose.view import WindowLines, json_lines, recording_lines
from bearing_stream.config import from_command_line, options
from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.manifest import ManifestRow, chosen_files, manifest_option
from bearing_stream.recordings.names import as_text
from bearing_stream.recordings.recording import Recording
from model import sensors as sensor_table
from model.assessor import Assessor
from model.backends.choice import DeviceError
from model.physics.baseline import Baseline
from model.sensors import SensorsError
from model.weights import CheckpointError

Drawing = Callable[[Recording, RecordingDiagnosis, Baseline | None], None]


@click.command(name="diagnose")
@click.argument("files", nargs=-1, metavar="FILE...")
@manifest_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object on each line.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the time signal, the spectrum and the envelope spectrum, with the lines of the "
    "bearing, of one recording (.png, .svg, .pdf).",
)
@options(DiagnoseSettings)
def command(
    files: tuple[str, ...],
    manifest: Path | None,
    as_json: bool,
    plot: Path | None,
    **given: Any,
) -> None:
    """Diagnose recordings in files (CSV, .mat, .npy, .wav and others).

    For each recording: the prediction of all its windows together, whether physics or the network
    decided, how far the lines of the bearing stand out in standard deviations of the healthy
    machine, the shaft speed, and the quality. Then for its windows, of 2048 samples at 12 kHz, the
    share of each prediction, the share of uncertain diagnoses with their quality flags, and the
    mean novelty (above 1, the windows are unlike those that the network was trained on). --json has
    the condition indicators too. Which signal of the file, rate and unit were read is printed to
    stderr, and with --json in `origin`. The exit status is 1 if a file cannot be read.
    """
    settings = from_command_line(DiagnoseSettings, given)
    try:
        rows = chosen_files(
            [Path(file) for file in files], manifest, settings.rate, settings.rpm, settings.channel
        )
        draw = _drawing(plot, rows)
        assessor = Assessor.of(settings)
        table = sensor_table.load(settings.sensor_table)
    except (CheckpointError, DeviceError, RecordingError, SensorsError) as error:
        raise click.ClickException(as_text(str(error))) from error
    names = [as_text(str(row.file)) for row in rows]
    lines = WindowLines(names)
    if settings.windows and not as_json:
        click.echo(lines.header())
    unreadable = False
    for name, row in zip(names, rows, strict=True):
        try:
            recording = settings.read(
                row.file,
                rate=row.rate,
                channel=row.channel,
                sensor=settings.sensor,
                rpm=row.rpm,
            )
            diagnosis = diagnose_recording(name, recording, assessor)
        except RecordingError as error:
            click.echo(f"Error: {as_text(str(error))}", err=True)
            unreadable = True
            continue
        if recording.origin is not None and not as_json:
            click.echo(f"{name}: {as_text(recording.origin.described())}", err=True)
        baseline = baseline_of(table, recording.sensor)
        if diagnosis.without_physics:
            why = why_no_evidence(baseline, recording.sensor, recording.rpm)
            click.echo(f"Warning: {name}: {why}", err=True)
        for line in _printed(diagnosis, lines, as_json, settings.windows):
            click.echo(line)
        if draw is not None:
            draw(recording, diagnosis, baseline)
    if unreadable:
        raise SystemExit(1)


def _drawing(plot: Path | None, files: Sequence[ManifestRow]) -> Drawing | None:
    """Return what draws a recording into the file; None without one.

    What it imports is missing here at once, not after the diagnosis.
    """
    if plot is None:
        return None
    if len(files) > 1:
        raise click.UsageError(f"--plot draws one recording; got {len(files)} files")
    from bearing_stream.commands.diagnose.plot import FORMATS, draw

    if plot.suffix.lower() not in FORMATS:
        raise click.UsageError(f"--plot: expected a file ending in {', '.join(FORMATS)}")

    def into_file(
        recording: Recording, diagnosis: RecordingDiagnosis, baseline: Baseline | None
    ) -> None:
        try:
            draw(recording, diagnosis, baseline, plot)
        except OSError as error:
            raise click.ClickException(f"{plot} cannot be written: {error.strerror}") from error

    return into_file


def _printed(
    diagnosis: RecordingDiagnosis,
    lines: WindowLines,
    as_json: bool,
    by_window: bool,
) -> Iterator[str]:
    if as_json:
        return json_lines(diagnosis, by_window)
    return lines.of(diagnosis) if by_window else recording_lines(diagnosis)
