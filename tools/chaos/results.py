"""The outcomes of the trials, as JSON and as tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from pydantic_core import to_json

from bearing_stream.commands.verify import Report

OUTPUT: Final = Path("out/chaos.json")

HEADINGS: Final = (
    "fault",
    "guarantee",
    "times",
    "windows",
    "lost",
    "duplicated",
    "recovery, median s",
    "worst s",
)
"""The headings of the columns that `cells` fills."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one fault with one guarantee."""

    fault: str
    guarantee: str
    report: Report | None
    """The result of the check; None if the trial failed before it."""
    recoveries: list[float]
    """Seconds to recover from each injection."""
    notes: dict[str, int]
    """Other counts, which show that the fault had the intended effect."""
    seconds: float
    skipped: str = ""
    """Why it was not run."""
    failure: str = ""
    """The error that ended the trial."""

    @property
    def sound(self) -> bool:
        """Whether the guarantee held, as far as it was tested."""
        return not self.failure and (self.report is None or not self.report.wrong)

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `out/chaos.json`."""
        report = self.report or Report()
        value: dict[str, Any] = {
            "fault": self.fault,
            "guarantee": self.guarantee,
            "times": len(self.recoveries),
            "windows": report.windows,
            "lost": report.lost,
            "duplicated": report.duplicated,
            "recovery_s": _summary(self.recoveries),
            "wrong": report.wrong,
            "notes": self.notes,
            "seconds": round(self.seconds, 1),
        }
        if report.wrong:
            value["samples"] = report.as_json()["samples"]
        return value | {
            name: text
            for name, text in (("skipped", self.skipped), ("failure", self.failure))
            if text
        }


def _summary(recoveries: Sequence[float]) -> dict[str, float] | None:
    if not recoveries:
        return None
    return {"median": round(median(recoveries), 2), "worst": round(max(recoveries), 2)}


def write(outcomes: Sequence[Outcome], command: str, path: Path) -> None:
    """Write the list of entries; `command` repeats the run."""
    date = datetime.now(UTC).date().isoformat()
    entries = [outcome.as_json() | {"command": command, "date": date} for outcome in outcomes]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_json(entries, indent=2) + b"\n")


def cells(entry: dict[str, Any]) -> list[str]:
    """Return the cells of an entry's row in a table."""
    recovery = entry["recovery_s"] or {}
    counts = [f"{entry[name]:,}" for name in ("times", "windows", "lost", "duplicated")]
    if entry.get("skipped"):
        counts = ["not run", "", "", ""]
    elif entry.get("failure"):
        counts[2:] = ["failed", ""]
    times = [f"{recovery[name]:.1f}" if recovery else "" for name in ("median", "worst")]
    return [entry["fault"], entry["guarantee"], *counts, *times]
