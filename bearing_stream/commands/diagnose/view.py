"""Formats diagnoses of recordings: as text for people, or as lines of JSON for programs."""

from collections.abc import Iterator, Sequence
from typing import Final

from bearing_stream.commands.diagnose.recording_diagnosis import RecordingDiagnosis
from bearing_stream.commands.terminal import json_text
from bearing_stream.vocabulary import FAULT_LABELS
from model.findings import Finding, PhysicsFinding
from model.physics.baseline import FoundBy

_SHARE = 10
"""Width of a probability."""

_FOUND_BY: Final[dict[FoundBy, str]] = {
    "stated": "as stated",
    "search": "found by its lines",
    "baseline": "not stated: that of the table of sensors or the baseline",
}


def recording_lines(diagnosis: RecordingDiagnosis) -> Iterator[str]:
    """Yield what people need of a recording: what is wrong, by what evidence, and how sure."""
    finding = diagnosis.finding
    evidence = finding["evidence"]
    decided_by = "network" if evidence is None else evidence["decided_by"]
    yield f"{diagnosis.file}: {finding['prediction']}, by {decided_by}, {_quality(finding)}"
    if evidence is not None:
        yield f"    {_lines(evidence)}"
        yield f"    spectrum {evidence['change_sigma']:.1f} sigmas from healthy; {_speed(evidence)}"
    yield f"    {_indicators(diagnosis)}"
    shares = ", ".join(f"{label} {share:.0%}" for label, share in diagnosis.shares.items() if share)
    flagged = ", ".join(f"{reason} {n}" for reason, n in diagnosis.window_reasons.items())
    yield (
        f"    {diagnosis.windows} window{'s' * (diagnosis.windows != 1)}: {shares}; "
        f"{diagnosis.uncertain:.0%} uncertain{f' ({flagged})' if flagged else ''}; novelty "
        f"{finding['novelty']:.2f}"
    )


def _quality(finding: Finding) -> str:
    reasons = ", ".join(finding["reasons"])
    return f"quality {finding['quality']}{f' ({reasons})' if reasons else ''}"


def _lines(evidence: PhysicsFinding) -> str:
    return (
        f"lines of outer race {evidence['outer_sigma']:.1f}, inner race "
        f"{evidence['inner_sigma']:.1f}, ball {evidence['ball_sigma']:.1f} sigmas above healthy"
    )


def _indicators(diagnosis: RecordingDiagnosis) -> str:
    measured = next(diagnosis.whole_indicators.fields())
    unit = f" {diagnosis.origin.unit}" if diagnosis.origin and diagnosis.origin.unit else ""
    velocity = measured["velocity_rms"]
    return (
        f"RMS {measured['rms']:.3g}{unit}, peak {measured['peak']:.3g}{unit}, crest factor "
        f"{measured['crest_factor']:.1f}, kurtosis {measured['kurtosis']:.1f}"
        f"{f', velocity RMS {velocity:.2f} mm/s' if velocity is not None else ''}"
    )


def _speed(evidence: PhysicsFinding) -> str:
    return f"{evidence['shaft_speed']:.0f} rpm, {_FOUND_BY[evidence['speed_found_by']]}"


class WindowLines:
    """Formats diagnoses of windows as columns, with the first as wide as the file names."""

    def __init__(self, files: Sequence[str]) -> None:
        """Prepare the columns for `files`."""
        self._width = max(len(file) for file in (*files, "file"))

    def header(self) -> str:
        """Return the names of the columns."""
        labels = "".join(f"{label:>{_SHARE}}" for label in FAULT_LABELS)
        rest = f"{'window':>8}{'start s':>10}  {'prediction':<10}{labels}{'novelty':>9}  reasons"
        return f"{'file':<{self._width}}{rest}"

    def of(self, diagnosis: RecordingDiagnosis) -> Iterator[str]:
        """Yield the lines of the windows of a recording."""
        for window in diagnosis.by_window():
            shares = "".join(f"{share:{_SHARE}.4f}" for share in window["probabilities"].values())
            place = f"{window['window']:>8}{window['start']:>10.2f}  {window['prediction']:<10}"
            row = f"{place}{shares}{window['novelty']:9.2f}  {', '.join(window['reasons'])}"
            yield f"{diagnosis.file:<{self._width}}{row}".rstrip()


def json_lines(diagnosis: RecordingDiagnosis, by_window: bool) -> Iterator[str]:
    """Yield an object for the recording, or one for each of its windows."""
    for value in diagnosis.by_window() if by_window else [diagnosis.summary()]:
        yield json_text(value)
