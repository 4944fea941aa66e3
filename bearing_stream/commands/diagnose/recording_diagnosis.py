"""The diagnosis of a recording, from the assessment of its windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Literal

import numpy as np

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.origin import Origin
from bearing_stream.recordings.recording import Recording
from bearing_stream.sampling import defects
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
from model.findings import Finding, findings
from model.indicators import Indicators, indicators

FLAT_LINE: Final = "flat-line"
"""The reason why a window cannot be diagnosed, as in a dead letter."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordingDiagnosis:
    """The assessment of a recording and of its windows, which are contiguous and do not overlap.

    Args:
        file: The name of the file, as given.
        assessment: Of n ≥ 1 windows.
        whole: Of the recording: one measurement of these windows.
        indicators: Of the windows.
        whole_indicators: Of the recording.
        flat: Indices of the windows of the file that are flat lines and cannot be diagnosed.
        origin: Which signal of the file was read, at which rate.
    """

    file: str
    assessment: Assessment
    whole: Assessment
    indicators: Indicators
    whole_indicators: Indicators
    flat: tuple[int, ...] = ()
    origin: Origin | None = None

    @property
    def finding(self) -> Finding:
        """The findings on the whole recording."""
        return next(findings(self.whole))

    @property
    def windows(self) -> int:
        """The number of windows that were diagnosed."""
        return len(self.assessment.novelty)

    @property
    def shares(self) -> dict[FaultLabel, float]:
        """The share of the windows with each label as their prediction."""
        predicted = self.assessment.probabilities.argmax(axis=1)
        counts = np.bincount(predicted, minlength=len(FAULT_LABELS))
        return dict(zip(FAULT_LABELS, (counts / self.windows).tolist(), strict=True))

    @property
    def uncertain(self) -> float:
        """The share of the windows whose diagnosis is uncertain."""
        return float(self.assessment.uncertain.mean())

    @property
    def window_reasons(self) -> dict[QualityFlag | Literal["flat-line"], int]:
        """The number of windows by quality flag, and of flat lines; only what occurs."""
        reasons: tuple[QualityFlag | Literal["flat-line"], ...] = (*QUALITY_FLAGS, FLAT_LINE)
        counts = (*self.assessment.flags.sum(axis=0).tolist(), len(self.flat))
        return {reason: count for reason, count in zip(reasons, counts, strict=True) if count}

    @property
    def by_physics(self) -> float | None:
        """The share of the windows that physics decided; None if the diagnoser is the network."""
        evidence = self.assessment.evidence
        return None if evidence is None else float(evidence.decided.mean())

    @property
    def without_physics(self) -> bool:
        """Whether the diagnoser uses physics, but no window has physical evidence."""
        evidence = self.assessment.evidence
        return evidence is not None and bool(np.isnan(evidence.rpm).all())

    def summary(self) -> dict[str, Any]:
        """Return the object that `--json` prints for the recording."""
        summary: dict[str, Any] = {
            "file": self.file,
            "windows": self.windows,
            **self.finding,
            "indicators": next(self.whole_indicators.fields(self.whole.evidence)),
            "shares": self.shares,
            "uncertain": self.uncertain,
            "window_reasons": self.window_reasons,
        }
        if self.origin is not None:
            summary["origin"] = self.origin.as_dict()
        return summary if self.by_physics is None else summary | {"by_physics": self.by_physics}

    def by_window(self) -> Iterator[dict[str, Any]]:
        """Yield the object of each window that `--json --windows` prints; `start` is in seconds."""
        indices = (index for index in count() if index not in self.flat)
        fields = self.indicators.fields(self.assessment.evidence)
        for index, finding, measured in zip(
            indices, findings(self.assessment), fields, strict=False
        ):
            start = index * WINDOW_LENGTH / SAMPLING_RATE
            where = {"file": self.file, "window": index, "start": start}
            yield {**where, **finding, "indicators": measured}


def diagnose_recording(file: str, recording: Recording, assessor: Assessor) -> RecordingDiagnosis:
    """Assess the contiguous windows of a recording at 12 kHz.

    Raises:
        RecordingError: The whole recording is a flat line.
    """
    windows = recording.windows().astype(np.float32)
    varying = windows.min(axis=1) < windows.max(axis=1)
    if not varying.any():
        raise RecordingError(
            f"{file}: a flat line throughout, which cannot be diagnosed: is the sensor connected?"
        )
    windows = windows[varying]
    rpm = np.full(len(windows), np.nan if recording.rpm is None else recording.rpm)
    sensors = [recording.sensor] * len(windows)
    flat = tuple(np.flatnonzero(~varying).tolist())
    whole = assessor.assess(windows, rpm[:1], sensors[:1], np.array([len(windows)]))
    of_windows = assessor.assess(windows, rpm, sensors)
    clipped = np.zeros_like(varying) if recording.clipped is None else recording.clipped
    whole.flag_defects(np.array([defects(varying, clipped)]))
    of_windows.flag_defects(np.stack([np.zeros(len(windows), np.bool_), clipped[varying]], axis=1))
    contiguous = varying.all() and not recording.starts
    counts, units = np.array([len(windows)]), [recording.unit if contiguous else None]
    return RecordingDiagnosis(
        file,
        of_windows,
        whole,
        indicators(windows),
        indicators(windows, counts, units),
        flat,
        recording.origin,
    )
