"""`bearing-stream baseline`: fit a baseline to recordings of a healthy machine."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from bearing_stream.commands.baseline.agreement import disagreements
from bearing_stream.commands.baseline.bearing_option import (
    BearingCommand,
    BearingError,
    NamedBearing,
    by_name_or_geometry,
    by_orders,
    check_quoted,
)
from bearing_stream.commands.baseline.healthy import Healthy, of_cwru, of_files, unflagged
from bearing_stream.commands.baseline.report import holdout_line, summary
from bearing_stream.commands.baseline.running import of_running
from bearing_stream.commands.baseline.settings import BaselineSettings
from bearing_stream.commands.baseline.topic import of_topic
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.recordings import Recording, RecordingError
from bearing_stream.recordings.command import data_option
from bearing_stream.recordings.manifest import chosen_files, manifest_option
from bearing_stream.recordings.names import as_text
from model.physics import baseline_file
from model.physics.bearing import DRIVE_END


@click.command(name="baseline", cls=BearingCommand)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--rpm",
    type=float,
    multiple=True,
    help="Shaft speed: one for all files, or one for each; with --from-topic, that of windows that "
    "state none.",
)
@click.option(
    "--rate",
    type=float,
    multiple=True,
    help="Sampling rate in Hz, for formats that do not contain it: one for all files, or one for "
    "each.",
)
@click.option("--channel", help="Name or index of the signal, if the files contain several.")
@click.option(
    "--bearing",
    metavar="NAME | N d D ANGLE",
    help="The bearing: its designation (6205, NU 208 ECP, 7308 BEP), or its geometry: number of "
    "rolling elements, their diameter, pitch diameter (both in mm or in inches), contact angle "
    "(°).",
)
@click.option(
    "--orders",
    type=(str, str, str),
    metavar="OUTER INNER BALL",
    help="Or what its data sheet states: BPFO, BPFI and BSF per shaft revolution, or in Hz at a "
    "shaft speed of the recordings.",
)
@manifest_option
@click.option("--recordings", "names", help="CWRU recordings instead of files: `97,98` or names.")
@data_option
@click.option(
    "--from-topic",
    is_flag=True,
    help="Windows of --sensor in Kafka instead of files, between --since and --until.",
)
@click.option(
    "--sensor",
    help="Id of the sensor that the baseline is for, in the row to paste. Default: the first "
    "file's name without its suffix.",
)
@click.option(
    "--holdout",
    type=click.FloatRange(0, 0.9),
    default=1 / 3,
    show_default="the last third",
    help="Share at the end of each recording on which false flags are counted, with a baseline "
    "fitted to the rest; 0 for none.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("baseline.json"),
    show_default=True,
    help="Where to write the baseline.",
)
@options(BaselineSettings)
def command(
    files: tuple[Path, ...],
    rpm: tuple[float, ...],
    rate: tuple[float, ...],
    channel: str | None,
    bearing: str | None,
    orders: tuple[str, str, str] | None,
    manifest: Path | None,
    names: str | None,
    data: Path | None,
    from_topic: bool,
    sensor: str | None,
    holdout: float,
    out: Path,
    **given: Any,
) -> None:
    """Fit a baseline to healthy recordings: FILES of your machine, or its windows in Kafka.

    The diagnoses of its sensor then rest on it. Include recordings at all speeds and loads that
    occur: at other speeds only lines that stand out more are faults, and at another load a healthy
    machine may be called faulty. A second of each is enough for a first baseline.

    Recordings that disagree with the others are named, since one of a damaged bearing among them
    would hide faults. The baseline that is written is fitted to all of each recording.
    """
    settings = from_command_line(BaselineSettings, given)
    try:
        if not (files or manifest or names or from_topic):
            raise click.UsageError(
                "specify healthy recordings: FILES, --manifest, --from-topic, or --recordings for "
                "those of CWRU"
            )
        if bearing:
            check_quoted(bearing, files)
        bearing_at = _bearing(bearing, orders, bool(names))
        if from_topic:
            of_files_only = (*files, manifest, names, *rate, channel)
            signals = _of_topic(any(of_files_only), sensor, rpm, settings)
        else:
            signals = _of_recordings(
                of_cwru(names, data)
                if names
                else of_files(chosen_files(files, manifest, rate, rpm, channel), settings)
            )
        named = bearing_at([signal.rpm for signal in signals])
        if from_topic:
            signals = of_running(signals, named.orders)
        healthy = unflagged(signals)
        fitted = healthy.fit(named.orders)
        for line in named.lines:
            click.echo(line, err=line.startswith("Warning"))
        _warn_of_disagreements(signals, named)
        held_out = holdout_line(signals, named.orders, holdout) if holdout else ""
        # Last, so that an interrupt leaves no baseline.
        _write(out, baseline_file.to_json(fitted))
        click.echo(summary(fitted, signals, healthy, out, sensor, held_out))
    except BearingError as error:
        raise click.UsageError(str(error)) from error
    except (RecordingError, FatalKafkaError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; no baseline was written") from None


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"--out: {out}: {error.strerror}") from error


def _of_topic(
    about_files: bool, sensor: str | None, rpm: Sequence[float], settings: BaselineSettings
) -> list[Healthy]:
    if about_files or sensor is None:
        raise click.UsageError(
            "--from-topic takes the windows of --sensor, which state their rate: no files, and "
            "none of --manifest, --recordings, --rate and --channel"
        )
    return of_topic(settings, sensor, rpm)


def _of_recordings(recordings: Iterable[Recording]) -> list[Healthy]:
    found = list(recordings)
    for recording in found:
        if recording.origin is not None:
            click.echo(f"{recording.id}: {as_text(recording.origin.described())}", err=True)
    return [Healthy.of(recording) for recording in found]


def _warn_of_disagreements(signals: Sequence[Healthy], named: NamedBearing) -> None:
    found = list(disagreements(signals, named.orders))
    for line in found:
        click.echo(f"Warning: {line}", err=True)
    if found:
        click.echo(
            "Warning: the baseline includes what differs. If that machine was damaged, leave the "
            "recording out; if it was healthy, at another load for instance, keep it.",
            err=True,
        )


def _bearing(
    bearing: str | None, orders: tuple[str, str, str] | None, cwru: bool
) -> Callable[[Sequence[float]], NamedBearing]:
    """Return the bearing by shaft speeds: `--orders` may be frequencies at one of them.

    Raises:
        BearingError: No bearing has the name or the geometry.
        click.UsageError: Both options name a bearing, or neither does.
    """
    if orders and bearing:
        raise click.UsageError("--orders and --bearing exclude each other: give one of them")
    if orders:
        return partial(by_orders, orders)
    if not (bearing or cwru):
        raise click.UsageError("specify the bearing: --bearing or --orders")
    named = by_name_or_geometry(bearing) if bearing else NamedBearing(DRIVE_END, ())
    return lambda _: named
