"""What is said of a recording."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Literal

import numpy as np

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.recording import Recording
from bearing_stream.vocabulary import (
    FAULT_LABELS,
    QUALITY_FLAGS,
    SAMPLING_RATE,
    WINDOW_LENGTH,
    FaultLabel,
    QualityFlag,
)
from model.assessment import Assessment
from model.assessor import Assessor
from model.findings import findings

FLAT_LINE: Final = "flat-line"
"""The reason for which a window cannot be diagnosed; as of a dead letter."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What was found in a recording's windows, which follow without gap or overlap.

    Args:
        file: The file as it was named.
        assessment: Of n windows, n of at least 1.
        flat: Which windows of the file are flat lines: nothing can be said of them.
    """

    file: str
    assessment: Assessment
    flat: tuple[int, ...] = ()

    @property
    def windows(self) -> int:
        """How many windows were diagnosed."""
        return len(self.assessment.novelty)

    @property
    def shares(self) -> dict[FaultLabel, float]:
        """The share of the windows that are predicted to be of each class."""
        predicted = self.assessment.probabilities.argmax(axis=1)
        counts = np.bincount(predicted, minlength=len(FAULT_LABELS))
        return dict(zip(FAULT_LABELS, (counts / self.windows).tolist(), strict=True))

    @property
    def uncertain(self) -> float:
        """The share of the windows whose diagnosis is doubted."""
        return float(self.assessment.uncertain.mean())

    @property
    def reasons(self) -> dict[QualityFlag | Literal["flat-line"], int]:
        """How many windows are doubted, or not diagnosed, for which reason; only what occurs."""
        reasons: tuple[QualityFlag | Literal["flat-line"], ...] = (*QUALITY_FLAGS, FLAT_LINE)
        counts = (*self.assessment.flags.sum(axis=0).tolist(), len(self.flat))
        return {reason: count for reason, count in zip(reasons, counts, strict=True) if count}

    @property
    def novelty(self) -> float:
        """The median over the windows."""
        return float(np.median(self.assessment.novelty))

    @property
    def by_physics(self) -> float | None:
        """The share of the windows that physics decided; None where it was not asked."""
        evidence = self.assessment.evidence
        return None if evidence is None else float(evidence.decided.mean())

    @property
    def without_physics(self) -> bool:
        """Whether physics was asked, and knew nothing of any window."""
        evidence = self.assessment.evidence
        return evidence is not None and bool(np.isnan(evidence.rpm).all())

    def summary(self) -> dict[str, Any]:
        """Say of the recording what there is to say, for programs."""
        said = {
            "file": self.file,
            "windows": self.windows,
            "shares": self.shares,
            "uncertain": self.uncertain,
            "reasons": self.reasons,
            "novelty": self.novelty,
        }
        return said if self.by_physics is None else said | {"by_physics": self.by_physics}

    def by_window(self) -> Iterator[dict[str, Any]]:
        """Say of each window what a diagnosis says, and where it is; `start` is in seconds."""
        places = (index for index in count() if index not in self.flat)
        for index, finding in zip(places, findings(self.assessment), strict=False):
            start = index * WINDOW_LENGTH / SAMPLING_RATE
            yield {"file": self.file, "window": index, "start": start, **finding}


def judge(file: str, recording: Recording, assessor: Assessor) -> Verdict:
    """Assess a recording at 12 kHz, one window after the other.

    Raises:
        RecordingError: All of it is a flat line.
    """
    windows = recording.windows().astype(np.float32)
    sound = windows.min(axis=1) < windows.max(axis=1)
    if not sound.any():
        raise RecordingError(
            f"{file}: a flat line throughout, of which nothing can be said: is the sensor "
            "connected?"
        )
    windows = windows[sound]
    speed = np.nan if recording.rpm is None else recording.rpm
    rpm, sensors = np.full(len(windows), speed), [recording.sensor] * len(windows)
    flat = tuple(np.flatnonzero(~sound).tolist())
    return Verdict(file, assessor.assess(windows, rpm, sensors), flat)
