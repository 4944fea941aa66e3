"""`bearing-stream baseline`: fit a baseline to recordings of a healthy machine."""

import json
from collections.abc import Iterable, Sequence
from glob import escape
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from bearing_stream.config import from_command_line, options
from bearing_stream.recordings import Recording, RecordingError
from bearing_stream.recordings.catalogue import catalogue
from bearing_stream.recordings.command import data_option, named_folder
from bearing_stream.recordings.cwru import load
from bearing_stream.recordings.settings import ReadingSettings
from bearing_stream.vocabulary import WINDOW_LENGTH
from model.limits import SignalLimits
from model.physics import baseline_file
from model.physics.baseline import Baseline, fit
from model.physics.bearing import DRIVE_END, BearingOrders, from_geometry
from model.quality import signal_flags

HOP = WINDOW_LENGTH // 4
"""Samples from one window to the next: overlap makes the estimated deviations more precise."""


@click.command(name="baseline")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--rpm", type=float, multiple=True, help="Shaft speed: one for all files, or one for each."
)
@click.option(
    "--rate",
    type=float,
    help="Sampling rate of the files in Hz, for formats that do not contain it.",
)
@click.option("--channel", help="Name or index of the signal, if the files contain several.")
@click.option(
    "--orders",
    type=(float, float, float),
    metavar="OUTER INNER BALL",
    help="Orders of the bearing from its data sheet: BPFO, BPFI and BSF per shaft revolution.",
)
@click.option(
    "--bearing",
    type=(int, float, float, float),
    metavar="N d D ANGLE",
    help="Or its geometry: number of rolling elements, their diameter, pitch diameter, contact "
    "angle (°).",
)
@click.option("--recordings", "names", help="CWRU recordings instead of files: `97,98` or names.")
@data_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("baseline.json"),
    show_default=True,
    help="Where to write the baseline.",
)
@options(ReadingSettings)
def command(
    files: tuple[Path, ...],
    rpm: tuple[float, ...],
    rate: float | None,
    channel: str | None,
    orders: tuple[float, float, float] | None,
    bearing: tuple[int, float, float, float] | None,
    names: str | None,
    data: Path | None,
    out: Path,
    **given: Any,
) -> None:
    """Fit a baseline to healthy recordings: FILES of your machine, or recordings of CWRU.

    `--diagnoser physics` compares windows with it. Include recordings at all speeds and loads that
    occur: windows at other ones are diagnosed as faults.
    """
    reading = from_command_line(ReadingSettings, given)
    try:
        geometry = _orders(orders, bearing, bool(names))
        healthy = list(_cwru(names, data) if names else _own(files, rpm, rate, channel, reading))
        windows, speeds, excluded = _windows(healthy)
        fitted = fit(windows, speeds, geometry)
        out.write_text(baseline_file.to_json(fitted), encoding="utf-8")
    except (RecordingError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(_summary(fitted, healthy, speeds, excluded, out))


def _orders(
    orders: tuple[float, float, float] | None,
    bearing: tuple[int, float, float, float] | None,
    cwru: bool,
) -> BearingOrders:
    if orders and bearing:
        raise click.UsageError("--orders and --bearing exclude each other: give one of them")
    if orders:
        outer, inner, ball_spin = orders
        return BearingOrders(outer=outer, inner=inner, ball_spin=ball_spin)
    if bearing:
        return from_geometry(*bearing)
    if cwru:
        return DRIVE_END
    raise click.UsageError("specify the bearing: --orders or --bearing")


def _own(
    files: Sequence[Path],
    rpm: Sequence[float],
    rate: float | None,
    channel: str | None,
    reading: ReadingSettings,
) -> Iterable[Recording]:
    if not files:
        raise click.UsageError(
            "specify healthy recordings: FILES, or --recordings for those of CWRU"
        )
    if len(rpm) not in (1, len(files)):
        raise click.UsageError(
            f"--rpm: expected one shaft speed, or one for each of {len(files)} files, "
            f"got {len(rpm)}"
        )
    speeds = rpm if len(rpm) == len(files) else [rpm[0]] * len(files)
    for path, speed in zip(files, speeds, strict=True):
        yield reading.read(path, rate=rate, channel=channel, rpm=speed)


def _cwru(names: str, data: Path | None) -> Iterable[Recording]:
    folder = named_folder(data, "CWRU recordings")
    known = {name: entry for entry in catalogue() for name in (entry.id, entry.label)}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in known]:
        raise click.UsageError(
            f"no recording {', '.join(unknown)}: `bearing-stream recordings list` lists all"
        )
    if damaged := [name for name in wanted if known[name].fault != "Normal"]:
        raise click.UsageError(
            f"a baseline is fitted to healthy bearings; damaged: {', '.join(damaged)}"
        )
    return load(folder, [known[name] for name in wanted])


def _windows(
    recordings: Sequence[Recording],
) -> tuple[NDArray[np.float32], NDArray[np.float64], int]:
    """Return the windows without signal flags, their speeds, and the number of the others."""
    cut = [recording.windows(hop=HOP).astype(np.float32) for recording in recordings]
    speeds = np.repeat(
        [recording.rpm or np.nan for recording in recordings], [len(windows) for windows in cut]
    )
    windows = np.concatenate(cut)
    flagged = np.asarray(signal_flags(windows, SignalLimits()).any(axis=1))
    return windows[~flagged], speeds[~flagged], int(flagged.sum())


def _summary(
    fitted: Baseline,
    recordings: Sequence[Recording],
    speeds: NDArray[np.float64],
    excluded: int,
    out: Path,
) -> str:
    bearing = fitted.orders
    lines = [
        *(f"{each.id}: {each.origin.described()}" for each in recordings if each.origin),
        f"{out}: fitted to {fitted.windows} healthy windows of "
        f"{', '.join(recording.id for recording in recordings)} at {speeds.min():g} to "
        f"{speeds.max():g} rpm",
        *([f"excluded, with signal flags: {excluded}"] if excluded else []),
        "Paste this into your table of sensors, in the same folder, and use it as --sensor-table:",
        "",
        "[[sensor]]",
        f"pattern = {json.dumps(escape(recordings[0].sensor))}  # matches the ids of your sensors",
        f"baseline = {json.dumps(out.name)}  # outer {bearing.outer:g}, inner {bearing.inner:g}, "
        f"ball spin {bearing.ball_spin:g}",
        f"nominal_rpm = {fitted.nominal_rpm:g}  # for windows without a shaft speed",
        "# full_scale = 50.0  # range of the sensor, in the unit of its windows",
    ]
    return "\n".join(lines)
