"""Three ways of setting bearings aside: none, a load's, a fault diameter's.

A window that shares recording, mounting and bearing with those trained on is easy, and shows
nothing about other bearings. In the third way no bearing with a fault is in both parts: a fault of
one type and diameter is one bearing, for every load and every position of the outer-race damage.
There is only one healthy bearing; it is split in time.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import WINDOW_LENGTH, FaultLabel
from training.split import Split, Starts, random_split

SAME_BEARING: Final = "same bearing"
UNSEEN_LOAD: Final = "unseen load"
UNSEEN_DIAMETER: Final = "unseen diameter"

DIAMETERS: Final = (0.007, 0.014, 0.021)
"""Inches. The bearings of 0.028 are of another make and have no outer-race fault among them: they
are trained on in no fold that sets a diameter aside, and tested on only for novelty."""

OTHER_MAKE: Final = 0.028
"""Inches, of the faults of the bearings of another make."""

HEALTHY_SHARE: Final = 0.6
"""Of a healthy recording, from its beginning, that is trained on; the rest is tested on."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """The recordings to train on, and the windows to test on.

    Args:
        name: Of what is set aside: `0.014`, `2 hp`.
        training: Recordings, or their beginnings, to train and validate on.
        test: Windows to test on, of any recording; None for those that `random_split` sets aside.
        inner: Folds of the training recordings alone, for choices.
        without: Class without training windows.
    """

    name: str
    training: tuple[Recording, ...]
    test: Starts | None
    inner: tuple["Fold", ...] = ()
    without: FaultLabel | None = None

    def split(self, seed: int) -> Split:
        """Return the windows to train, validate and test on."""
        if self.test is None:
            return random_split(self.training, seed)
        split = random_split(self.training, seed, test=0.0)
        return dataclasses.replace(split, test=self.test)


def same_bearing(recordings: Sequence[Recording]) -> list[Fold]:
    """Set 30 % of the windows of every recording aside, at random."""
    return [Fold("shuffled", tuple(recordings), None)]


def unseen_load(recordings: Iterable[Recording]) -> list[Fold]:
    """Set the recordings at one load aside, the healthy one among them."""
    recordings = list(recordings)
    return [
        Fold(
            f"{load:g} hp",
            tuple(recording for recording in recordings if recording.load != load),
            every_window(recording for recording in recordings if recording.load == load),
        )
        for load in sorted(
            {recording.load for recording in recordings if recording.load is not None}
        )
    ]


def unseen_diameter(recordings: Iterable[Recording]) -> list[Fold]:
    """Set all faults of one diameter aside, and the later part of the healthy bearing's recordings.

    Within the training recordings the same is done again, with each diameter in turn.
    """
    recordings = list(recordings)
    return [_diameter_fold(recordings, diameter, DIAMETERS) for diameter in DIAMETERS]


def unseen_type(recordings: Iterable[Recording]) -> list[Fold]:
    """Set all faults of one type aside, of every diameter."""
    recordings = [recording for recording in recordings if recording.fault_diameter != OTHER_MAKE]
    types: tuple[FaultLabel, ...] = ("Ball", "InnerRace", "OuterRace")
    return [
        Fold(
            fault,
            tuple(beginning(recording) for recording in recordings if recording.fault != fault),
            every_window(recording for recording in recordings if recording.fault == fault),
            without=fault,
        )
        for fault in types
    ]


def _diameter_fold(
    recordings: Sequence[Recording], diameter: float, among: Sequence[float]
) -> Fold:
    others = [other for other in among if other != diameter]
    training = tuple(
        beginning(recording)
        for recording in recordings
        if recording.fault == "Normal" or recording.fault_diameter in others
    )
    test = every_window(
        recording for recording in recordings if recording.fault_diameter == diameter
    )
    test |= {
        recording.id: every_window([recording])[recording.id][windows_begun(recording) :]
        for recording in recordings
        if recording.fault == "Normal"
    }
    inner = [_diameter_fold(training, other, others) for other in others if len(others) > 1]
    return Fold(f"{diameter:.3f}", training, test, tuple(inner))


def windows_begun(recording: Recording) -> int:
    """Count the windows of a healthy recording that are trained on."""
    return round(HEALTHY_SHARE * (recording.samples.size // WINDOW_LENGTH))


def beginning(recording: Recording) -> Recording:
    """Return the part of a recording to train on: all of it unless it is healthy."""
    if recording.fault != "Normal":
        return recording
    samples = recording.samples[: windows_begun(recording) * WINDOW_LENGTH].copy()
    return dataclasses.replace(recording, samples=samples)


def every_window(recordings: Iterable[Recording]) -> dict[str, NDArray[np.int64]]:
    """Return the windows of recordings, without gap or overlap."""
    return {
        recording.id: np.arange(recording.samples.size // WINDOW_LENGTH) * WINDOW_LENGTH
        for recording in recordings
    }
