"""Windows with their labels, cut from recordings by a split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH, FaultLabel
from training.split import Starts, free_starts


@dataclass(frozen=True, slots=True, eq=False)
class LabelledWindows:
    """Windows and the true label of each.

    Args:
        windows: (n, 2048), float32, in the unit of the recordings, not standardised.
        labels: (n,), int64, index into the vocabulary's labels.
    """

    windows: NDArray[np.float32]
    labels: NDArray[np.int64]


def cut(recordings: Sequence[Recording], starts: Starts) -> LabelledWindows:
    """Cut the windows that begin at `starts`, recording after recording.

    Raises:
        ValueError: A recording has no known fault label.
    """
    windows = [np.empty((0, WINDOW_LENGTH), np.float32)]
    labels = [np.empty(0, np.int64)]
    for recording in recordings:
        chosen = starts[recording.id]
        windows.append(recording.windows(hop=1)[chosen].astype(np.float32))
        labels.append(np.full(chosen.size, class_of(recording)))
    return LabelledWindows(np.concatenate(windows), np.concatenate(labels))


def class_of(recording: Recording) -> int:
    """Return the index of a recording's label; ValueError where it is unknown."""
    if recording.fault is None:
        raise ValueError(f"recording {recording.id}: its fault label is not known")
    return FAULT_LABELS.index(recording.fault)


class TrainingPool:
    """Every window that may be trained on, at any sample, drawn as often for each class.

    Healthy windows are rare: without overlap there are about 40 to train on, and 500 to 1,000 of
    each fault. With overlap there are enough of all.
    """

    def __init__(
        self, recordings: Sequence[Recording], held_out: Starts, without: FaultLabel | None = None
    ) -> None:
        """Take the windows of `recordings` that share no sample with those held out.

        Args:
            recordings: Of every class.
            held_out: First samples of the windows held out, by recording id.
            without: Class that is left out.

        Raises:
            ValueError: A class has no such window.
        """
        self._samples = np.concatenate(
            [recording.samples.astype(np.float32) for recording in recordings]
        )
        by_class: list[list[NDArray[np.int64]]] = [[] for _ in FAULT_LABELS]
        begin = 0
        for recording in recordings:
            starts = free_starts(recording.samples.size, held_out[recording.id])
            by_class[class_of(recording)].append(begin + starts)
            begin += recording.samples.size
        self._starts: dict[int, NDArray[np.int64]] = {}
        for number, label in enumerate(FAULT_LABELS):
            if label == without:
                continue
            starts = np.concatenate([*by_class[number], np.empty(0, np.int64)])
            if not starts.size:
                raise ValueError(f"the recordings hold no {label} window to train on")
            self._starts[number] = starts

    def draw(self, per_class: int, generator: np.random.Generator) -> LabelledWindows:
        """Draw windows at random starts, `per_class` of each class, shuffled."""
        chosen = np.concatenate(
            [generator.choice(starts, per_class) for starts in self._starts.values()]
        )
        labels = np.repeat(np.fromiter(self._starts, np.int64), per_class)
        order = generator.permutation(chosen.size)
        windows = sliding_window_view(self._samples, WINDOW_LENGTH)[chosen[order]]
        return LabelledWindows(windows, labels[order])
