"""Recordings of other rigs: a folder with an `index.csv` that describes them.

Its columns: `file` (a recording, relative to the folder), `rig`, `label`, `detail` (the name of a
machine where a rig has several), `sampling_rate` (Hz), `rpm_stated`, `bpfo`, `bpfi` and `bsf`
(strikes and turns in a revolution of the shaft). Others are ignored.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings import Recording, RecordingError
from bearing_stream.recordings.files import read_file
from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH
from model.physics.baseline import HOP
from model.physics.bearing import DRIVE_END, BearingOrders
from training.evaluation.folds import OTHER_MAKE

INDEX_FILE: Final = "index.csv"

CWRU: Final = "CWRU"
"""The rig that the network was trained on, without the bearings of another make."""


@dataclass(frozen=True, slots=True)
class RigRecording:
    """A recording of a rig, with its label and stated speed.

    Args:
        rig: Of the recording.
        machine: The bearing, within the rig, that a baseline is of.
        recording: At 12 kHz.
        orders: Of the bearing.
    """

    rig: str
    machine: str
    recording: Recording
    orders: BearingOrders

    @property
    def rpm(self) -> float:
        """The stated speed."""
        return self.recording.rpm or np.nan

    @property
    def healthy(self) -> bool:
        """Whether the bearing is."""
        return self.recording.fault == "Normal"

    def windows(self, hop: int) -> NDArray[np.float32]:
        """The windows (n, 2048)."""
        return self.recording.windows(hop).astype(np.float32)


def read_rigs(folder: Path) -> list[RigRecording]:
    """Read the recordings of a folder.

    Raises:
        RecordingError: There is no index, a row is not valid, or a recording cannot be read.
    """
    try:
        with (folder / INDEX_FILE).open(encoding="utf-8", newline="") as file:
            return [_read(folder, row) for row in csv.DictReader(file)]
    except OSError as error:
        raise RecordingError(f"{folder / INDEX_FILE}: cannot be read: {error.strerror}") from error


def cwru_rig(recordings: Iterable[Recording]) -> list[RigRecording]:
    """Return the CWRU recordings as those of a rig."""
    return [
        RigRecording(CWRU, "", recording, DRIVE_END)
        for recording in recordings
        if recording.fault_diameter != OTHER_MAKE
    ]


def _read(folder: Path, row: dict[str, str]) -> RigRecording:
    try:
        fault = next(label for label in FAULT_LABELS if label == row["label"])
        recording = read_file(
            folder / row["file"],
            sampling_rate=float(row["sampling_rate"]),
            fault=fault,
            rpm=float(row["rpm_stated"]),
        )
        orders = BearingOrders(
            outer=float(row["bpfo"]), inner=float(row["bpfi"]), ball_spin=float(row["bsf"])
        )
        return RigRecording(row["rig"], row["detail"], recording, orders)
    except (KeyError, ValueError, StopIteration) as error:
        raise RecordingError(
            f"{folder / INDEX_FILE}, {row.get('file', 'a row')}: expected file, rig, label (one of "
            f"{', '.join(FAULT_LABELS)}), detail, sampling_rate, rpm_stated, bpfo, bpfi, bsf; "
            f"{type(error).__name__} {error}"
        ) from error


@dataclass(frozen=True, slots=True, eq=False)
class HealthyPart:
    """The healthy windows that a baseline is fitted to, and the recordings that are tested on.

    Args:
        windows: (n, 2048), overlapping, of the first part of the healthy recordings.
        rpm: (n,), their stated speeds.
        orders: Of the bearing.
        tested: (recording, first window) of every recording; a healthy recording whose beginning
            the baseline was fitted to is tested from there on.
    """

    windows: NDArray[np.float32]
    rpm: NDArray[np.float64]
    orders: BearingOrders
    tested: tuple[tuple[RigRecording, int], ...]

    @classmethod
    def of(cls, recordings: Sequence[RigRecording]) -> Self:
        """Divide the recordings of a machine: at each speed the first half of the healthy ones.

        A single recording is divided in time.
        """
        fitted: list[tuple[RigRecording, NDArray[np.float32]]] = []
        tested = [(each, 0) for each in recordings if not each.healthy]
        for rpm in sorted({each.rpm for each in recordings if each.healthy}):
            own = [each for each in recordings if each.healthy and each.rpm == rpm]
            if len(own) == 1:
                count = len(own[0].windows(WINDOW_LENGTH)) // 2
                beginning = own[0].windows(HOP)[: (count - 1) * WINDOW_LENGTH // HOP + 1]
                fitted.append((own[0], beginning))
                tested.append((own[0], count))
                continue
            half = len(own) // 2
            fitted += [(each, each.windows(HOP)) for each in own[:half]]
            tested += [(each, 0) for each in own[half:]]
        return cls(
            np.concatenate([windows for _, windows in fitted]),
            np.repeat([each.rpm for each, _ in fitted], [len(windows) for _, windows in fitted]),
            recordings[0].orders,
            tuple(tested),
        )
