"""What of a file a recording is: the signal, and where its rate and unit are from."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What was read from a file.

    Args:
        format: The format, and for text the delimiter and the decimal mark.
        signal: Which column, variable or channel.
        samples: Their number at the file's rate.
        sampling_rate: The file's rate, Hz.
        rate_from: What states it: `column 0 'Time (s)'`, `the WAV header`, `--rate`.
        unit: The samples' unit, empty if it is not known.
        encoding: Of a text file, else empty.
        stretches: Parts of the signal that do not follow each other, windows as rows among them.
        warnings: What a person must know to rely on the samples.
    """

    format: str
    signal: str
    samples: int
    sampling_rate: float
    rate_from: str
    unit: str = ""
    encoding: str = ""
    stretches: int = 1
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The object that `diagnose --json` prints."""
        return asdict(self) | {"warnings": list(self.warnings)}

    def described(self) -> str:
        """One line for a person, without the warnings."""
        parts = [
            f"{self.signal} of {self.format}",
            *([self.encoding] if self.encoding else []),
            f"{self.samples} samples at {self.sampling_rate:.10g} Hz ({self.rate_from})",
            f"unit {self.unit}" if self.unit else "unit unknown",
        ]
        if self.stretches > 1:
            parts.append(f"{self.stretches} stretches")
        return ", ".join(parts)
