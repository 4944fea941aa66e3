"""Windows of a fold with labels and shaft speeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from training.evaluation.folds import Fold
from training.split import Starts, free_starts
from training.windows import class_of, cut

HEALTHY_HOP: Final = 512
"""Samples from one healthy window to the next where a baseline is fitted."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Windows (n, 2048) float32, their labels (n,) and their shaft speeds (n,) in rpm."""

    windows: NDArray[np.float32]
    labels: NDArray[np.int64]
    rpm: NDArray[np.float64]


def take(recordings: Mapping[str, Recording], starts: Starts) -> Samples:
    """Cut the windows that begin at `starts` from recordings by id."""
    chosen = [recordings[name] for name in starts]
    windows = cut(chosen, starts)
    speeds = [recording.rpm if recording.rpm is not None else np.nan for recording in chosen]
    counts = [len(starts[recording.id]) for recording in chosen]
    return Samples(windows.windows, windows.labels, np.repeat(speeds, counts))


def healthy(fold: Fold, seed: int) -> Samples:
    """Cut overlapping windows of the healthy bearing, sharing no sample with those tested on."""
    normal = {recording.id: recording for recording in fold.training if recording.fault == "Normal"}
    test = fold.split(seed).test if fold.test is None else {}
    none = np.empty(0, np.int64)
    starts = {
        name: _every(free_starts(recording.samples.size, test.get(name, none)))
        for name, recording in normal.items()
    }
    return take(normal, starts)


def majority(fold: Fold) -> int:
    """Return the class that most windows of the training recordings have."""
    counts: dict[int, int] = {}
    for recording in fold.training:
        label = class_of(recording)
        counts[label] = counts.get(label, 0) + len(recording.windows())
    return max(counts, key=lambda label: counts[label])


def _every(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(starts[starts % HEALTHY_HOP == 0])
