"""Which windows are trained on, which stop the training, and which test it at the end.

Windows of one recording are cut without overlap before anything is drawn, so no sample is in two
of the three parts. Overlapping windows are used in training only, and only where they share no
sample with the other parts: `free_starts`.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import WINDOW_LENGTH

Starts = Mapping[str, NDArray[np.int64]]
"""First samples of windows, by recording id; ascending."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Three parts of the windows that recordings hold; no two share a sample.

    Args:
        training: Windows to fit the weights to.
        validation: Windows that stop the fitting, and choose between recipes.
        test: Windows to score once, when nothing is left to choose.
    """

    training: Starts
    validation: Starts
    test: Starts

    def held_out(self) -> Starts:
        """Return the windows that must share no sample with a window trained on."""
        return {
            recording: np.sort(np.concatenate([self.validation[recording], self.test[recording]]))
            for recording in self.test
        }


def random_split(
    recordings: Iterable[Recording], seed: int, test: float = 0.30, validation: float = 0.15
) -> Split:
    """Split the windows of each recording at random.

    Each recording is split separately, so that every class, diameter, position and load is in each
    part in proportion (as far as its number of windows allows).

    Args:
        recordings: At 12 kHz; the result depends on their order.
        seed: The same seed and recordings give the same split.
        test: Share of all windows to test on.
        validation: Share of the other windows to validate on.
    """
    generator = np.random.default_rng(seed)
    training_starts, validation_starts, test_starts = {}, {}, {}
    for recording in recordings:
        shuffled = generator.permutation(recording.samples.size // WINDOW_LENGTH) * WINDOW_LENGTH
        tested = round(test * shuffled.size)
        validated = round(validation * (shuffled.size - tested))
        test_starts[recording.id] = np.sort(shuffled[:tested])
        validation_starts[recording.id] = np.sort(shuffled[tested : tested + validated])
        training_starts[recording.id] = np.sort(shuffled[tested + validated :])
    return Split(training_starts, validation_starts, test_starts)


def free_starts(samples: int, held_out: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return every start of a window that shares no sample with a held-out window.

    Args:
        samples: Length of the recording.
        held_out: Starts of the windows held out of it, in any order.
    """
    taken = np.zeros(samples + 1, dtype=np.int64)
    for start in held_out:
        taken[start + 1 : start + 1 + WINDOW_LENGTH] = 1
    before = np.cumsum(taken)
    return np.flatnonzero(before[WINDOW_LENGTH:] == before[:-WINDOW_LENGTH])


def count_windows(recordings: Sequence[Recording], starts: Starts) -> dict[str, int]:
    """Count windows by fault label, alphabetically."""
    counts: dict[str, int] = {}
    for recording in sorted(recordings, key=lambda recording: str(recording.fault)):
        label = str(recording.fault)
        counts[label] = counts.get(label, 0) + starts[recording.id].size
    return counts


def fingerprint(recordings: Iterable[Recording], starts: Starts) -> str:
    """Return the SHA-256 of the sorted ids of non-overlapping windows, one a line."""
    ids = [
        recording.window_id(int(start) // WINDOW_LENGTH)
        for recording in recordings
        for start in starts[recording.id]
    ]
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
