"""Healthy signals to fit a baseline to: from files, from recordings of CWRU, or from Kafka."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from bearing_stream.recordings.catalogue import catalogue
from bearing_stream.recordings.command import named_folder
from bearing_stream.recordings.cwru import load
from bearing_stream.recordings.manifest import ManifestRow, expected
from bearing_stream.recordings.settings import ReadingSettings
from bearing_stream.vocabulary import WINDOW_LENGTH
from model.limits import SignalLimits
from model.physics.baseline import HOP, Baseline, TooFewWindowsError, fit
from model.physics.bearing import BearingOrders
from model.quality import SIGNAL_FLAGS, signal_flags


@dataclass(frozen=True, slots=True, eq=False)
class Healthy:
    """A signal of a healthy machine at one speed.

    Args:
        id: Name of the recording, or of a stretch of a stream.
        sensor: Id of its sensor.
        rpm: Shaft speed.
        parts: Contiguous samples at 12 kHz; of a recording its stretches, of a stream its
            measurements.
    """

    id: str
    sensor: str
    rpm: float
    parts: tuple[NDArray[Any], ...]

    @classmethod
    def of(cls, recording: Recording) -> "Healthy":
        """Return the signal of a recording; a speed that is not known is NaN."""
        rpm = np.nan if recording.rpm is None else recording.rpm
        return cls(recording.id, recording.sensor, rpm, recording.stretches)

    def windows(self, hop: int = HOP) -> NDArray[np.float32]:
        """Return its windows (n, 2048), `hop` samples apart within a part."""
        views = [
            np.lib.stride_tricks.sliding_window_view(part, WINDOW_LENGTH)[::hop]
            for part in self.parts
            if len(part) >= WINDOW_LENGTH
        ]
        if not views:
            return np.empty((0, WINDOW_LENGTH), np.float32)
        return np.concatenate(views).astype(np.float32, copy=False)

    def split(self, share: float) -> tuple["Healthy", "Healthy"]:
        """Return what comes before the last `share` of it, and that share."""
        lengths = np.array([len(part) for part in self.parts])
        left = round(lengths.sum() * (1 - share))
        before: list[NDArray[Any]] = []
        after: list[NDArray[Any]] = []
        for part in self.parts:
            before.append(part[:left])
            after.append(part[left:])
            left = max(left - len(part), 0)
        return replace(self, parts=tuple(before)), replace(self, parts=tuple(after))


@dataclass(frozen=True, slots=True, eq=False)
class HealthyWindows:
    """The windows of healthy signals that have no flag.

    Args:
        windows: (n, 2048) float32.
        rpm: (n,), of each.
        flags: (k, 4), of the others, columns as in `model.quality.SIGNAL_FLAGS`.
        hop: Samples from one window to the next, the mean.
    """

    windows: NDArray[np.float32]
    rpm: NDArray[np.float64]
    flags: NDArray[np.bool_]
    hop: int

    @property
    def excluded(self) -> str:
        """How many windows were left out, by flag; empty if none was."""
        counts = zip(SIGNAL_FLAGS, self.flags.sum(axis=0).tolist(), strict=True)
        by_flag = ", ".join(f"{flag} {count}" for flag, count in counts if count)
        total = len(self.flags) + len(self.windows)
        return f"{len(self.flags)} of {total} windows ({by_flag})" if len(self.flags) else ""

    def fit(self, orders: BearingOrders) -> Baseline:
        """Fit a baseline to the windows; raises ValueError as `model.physics.baseline.fit` does."""
        try:
            return fit(self.windows, self.rpm, orders, self.hop)
        except TooFewWindowsError as error:
            if not self.excluded:
                raise
            raise ValueError(f"{error}; left out, with signal flags: {self.excluded}") from error


def unflagged(signals: Sequence[Healthy], hop: int = HOP) -> HealthyWindows:
    """Return the windows without signal flags, whose speeds are those of their signals."""
    cut = [signal.windows(hop) for signal in signals]
    rpm = np.repeat([signal.rpm for signal in signals], [len(windows) for windows in cut])
    windows = np.concatenate(cut)
    flags = signal_flags(windows, SignalLimits(), rpm=rpm)
    flagged = flags.any(axis=1)
    # Windows of different parts do not overlap. The mean hop is that of as many independent ones.
    parts = sum(len(part) >= WINDOW_LENGTH for signal in signals for part in signal.parts)
    overlapping = len(windows) - parts
    independent = parts + overlapping * hop / WINDOW_LENGTH
    mean_hop = round((independent - 1) * WINDOW_LENGTH / max(len(windows) - 1, 1))
    return HealthyWindows(windows[~flagged], rpm[~flagged], flags[flagged], mean_hop)


def of_files(rows: Sequence[ManifestRow], reading: ReadingSettings) -> Iterable[Recording]:
    """Yield the recordings of a user's files.

    Args:
        rows: The files, with what is stated of each.
        reading: How to read them.

    Raises:
        RecordingError: A file cannot be read.
        click.UsageError: A file has no shaft speed.
    """
    if any(row.rpm is None for row in rows):
        raise click.UsageError(expected("--rpm", "shaft speed", len(rows)))
    for row in rows:
        yield reading.read(row.file, rate=row.rate, channel=row.channel, rpm=row.rpm)


def of_cwru(names: str, data: Path | None) -> Iterable[Recording]:
    """Yield the named recordings of healthy bearings of the CWRU rig."""
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
