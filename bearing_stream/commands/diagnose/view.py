"""Formats diagnoses of recordings: as columns for people, or as lines of JSON for programs."""

from collections.abc import Iterator, Sequence

from bearing_stream.commands.diagnose.recording_diagnosis import RecordingDiagnosis
from bearing_stream.commands.terminal import json_text
from bearing_stream.vocabulary import FAULT_LABELS

_SHARE = 10
"""Width of a share or a probability."""


class Lines:
    """Formats diagnoses as columns, with the first as wide as the file names."""

    def __init__(self, files: Sequence[str], by_window: bool) -> None:
        """Prepare the columns for `files`, with a line for each window or for each recording."""
        self._width = max(len(file) for file in (*files, "file"))
        self._by_window = by_window

    def header(self) -> str:
        """Return the names of the columns."""
        labels = "".join(f"{label:>{_SHARE}}" for label in FAULT_LABELS)
        if self._by_window:
            rest = f"{'window':>8}{'start s':>10}  {'prediction':<10}{labels}"
        else:
            rest = f"{'windows':>9}{labels}{'uncertain':>11}"
        return f"{'file':<{self._width}}{rest}{'novelty':>9}  reasons"

    def of(self, diagnosis: RecordingDiagnosis) -> Iterator[str]:
        """Yield the line of a recording, or the lines of its windows."""
        rows = self._windows(diagnosis) if self._by_window else self._recording(diagnosis)
        for row in rows:
            yield f"{diagnosis.file:<{self._width}}{row}".rstrip()

    def _recording(self, diagnosis: RecordingDiagnosis) -> Iterator[str]:
        shares = "".join(f"{share:{_SHARE}.1%}" for share in diagnosis.shares.values())
        reasons = ", ".join(f"{reason} {count}" for reason, count in diagnosis.reasons.items())
        flags = f"{diagnosis.uncertain:11.1%}{diagnosis.novelty:9.2f}  {reasons}"
        yield f"{diagnosis.windows:>9}{shares}{flags}"

    def _windows(self, diagnosis: RecordingDiagnosis) -> Iterator[str]:
        for window in diagnosis.by_window():
            shares = "".join(f"{share:{_SHARE}.4f}" for share in window["probabilities"].values())
            place = f"{window['window']:>8}{window['start']:>10.2f}  {window['prediction']:<10}"
            yield f"{place}{shares}{window['novelty']:9.2f}  {', '.join(window['reasons'])}"


def json_lines(diagnosis: RecordingDiagnosis, by_window: bool) -> Iterator[str]:
    """Yield an object for the recording, or one for each of its windows."""
    for value in diagnosis.by_window() if by_window else [diagnosis.summary()]:
        yield json_text(value)
