"""What is said of a recording."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from assessment import Assessment
from assessment.assessor import Assessor
from assessment.findings import findings
from recordings.recording import Recording
from vocabulary import DOUBTS, FAULT_LABELS, SAMPLING_RATE, WINDOW_LENGTH, Doubt, FaultLabel


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What was found in a recording's windows, which follow without gap or overlap.

    Args:
        file: The file as it was named.
        assessment: Of n windows, n of at least 1.
    """

    file: str
    assessment: Assessment

    @property
    def windows(self) -> int:
        """How many windows there are."""
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
    def reasons(self) -> dict[Doubt, int]:
        """How many windows are doubted for which reason; only what occurs."""
        counts = self.assessment.doubts.sum(axis=0).tolist()
        return {doubt: count for doubt, count in zip(DOUBTS, counts, strict=True) if count}

    @property
    def novelty(self) -> float:
        """The median over the windows."""
        return float(np.median(self.assessment.novelty))

    @property
    def by_physics(self) -> float | None:
        """The share of the windows that physics decided; None where it was not asked."""
        evidence = self.assessment.evidence
        return None if evidence is None else float(evidence.decided.mean())

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
        for index, finding in enumerate(findings(self.assessment)):
            start = index * WINDOW_LENGTH / SAMPLING_RATE
            yield {"file": self.file, "window": index, "start": start, **finding}


def judge(file: str, recording: Recording, assessor: Assessor) -> Verdict:
    """Assess a recording at 12 kHz, one window after the other."""
    windows = recording.windows().astype(np.float32)
    speed = np.nan if recording.rpm is None else recording.rpm
    rpm, sensors = np.full(len(windows), speed), [recording.sensor] * len(windows)
    return Verdict(file, assessor.assess(windows, rpm, sensors))
