"""How verdicts are shown: lines for people in columns, or lines of JSON for programs."""

from collections.abc import Iterator

from pydantic_core import to_json

from bearing_stream.commands.diagnose.verdict import Verdict
from bearing_stream.vocabulary import FAULT_LABELS

_SHARE = 10
"""Columns for a share or a probability."""


class Lines:
    """Lays verdicts out in columns, with the files' names as wide as the longest."""

    def __init__(self, files: tuple[str, ...], by_window: bool) -> None:
        """Lay out verdicts of `files`, a line a window or a line a recording."""
        self._width = max(len(file) for file in (*files, "file"))
        self._by_window = by_window

    def header(self) -> str:
        """Name the columns."""
        labels = "".join(f"{label:>{_SHARE}}" for label in FAULT_LABELS)
        if self._by_window:
            rest = f"{'window':>8}{'start s':>10}  {'prediction':<10}{labels}"
        else:
            rest = f"{'windows':>9}{labels}{'uncertain':>11}"
        return f"{'file':<{self._width}}{rest}{'novelty':>9}  reasons"

    def of(self, verdict: Verdict) -> Iterator[str]:
        """Write the line of a recording, or the lines of its windows."""
        rows = self._windows(verdict) if self._by_window else self._recording(verdict)
        for row in rows:
            yield f"{verdict.file:<{self._width}}{row}".rstrip()

    def _recording(self, verdict: Verdict) -> Iterator[str]:
        shares = "".join(f"{share:{_SHARE}.1%}" for share in verdict.shares.values())
        reasons = ", ".join(f"{reason} {count}" for reason, count in verdict.reasons.items())
        flags = f"{verdict.uncertain:11.1%}{verdict.novelty:9.2f}  {reasons}"
        yield f"{verdict.windows:>9}{shares}{flags}"

    def _windows(self, verdict: Verdict) -> Iterator[str]:
        for said in verdict.by_window():
            shares = "".join(f"{share:{_SHARE}.4f}" for share in said["probabilities"].values())
            place = f"{said['window']:>8}{said['start']:>10.2f}  {said['prediction']:<10}"
            yield f"{place}{shares}{said['novelty']:9.2f}  {', '.join(said['reasons'])}"


def json_lines(verdict: Verdict, by_window: bool) -> Iterator[str]:
    """Write an object for the recording, or one for each of its windows."""
    for said in verdict.by_window() if by_window else [verdict.summary()]:
        yield to_json(said).decode()
