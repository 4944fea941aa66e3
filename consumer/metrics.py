"""Every number that the consumer counts, listed once."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class DispatchReason(StrEnum):
    """Why a batch was dispatched."""

    FULL = "full"
    """It holds as many windows as it can."""
    DELAY = "delay"
    """Its oldest measurement has waited `max_delay`."""
    CAUGHT_UP = "caught-up"
    """There is nothing more to fetch."""
    FINISH = "finish"
    """Partitions are being revoked, or the consumer stops."""


@dataclass
class Metrics:
    """Counts since the start. Only what is committed counts as diagnosed or dead-lettered."""

    diagnosed: int = 0
    """Measurements whose diagnoses are committed."""
    windows: int = 0
    """Windows that they hold: one each, unless measurements are longer."""
    uncertain: Counter[str] = field(default_factory=Counter)
    """Committed diagnoses with a quality flag, by flag; a diagnosis may have several."""
    dead_letters: Counter[str] = field(default_factory=Counter)
    """Committed dead letters by reason."""
    ignored_headers: Counter[str] = field(default_factory=Counter)
    """Optional headers that could not be read, of diagnosed measurements, by name."""
    batches: Counter[str] = field(default_factory=Counter)
    """Batches dispatched, by `DispatchReason`."""
    inference_seconds: float = 0.0
    """Time in assessing."""
    commits: int = 0
    """Transactions committed, or offset commits after a flush."""
    aborts: int = 0
    """Deliveries that failed, each followed by a rewind to the committed offsets; nothing is
    lost."""
    repeated: int = 0
    """Messages that were delivered once more, and ignored."""
    skipped: int = 0
    """Offsets that retention deleted before their measurements were diagnosed, or of batches that
    cannot be unpacked: lost."""
    restarted_partitions: int = 0
    """Partitions whose log was deleted and created anew, or cut off."""
    rebalances: int = 0
    """Times that partitions were assigned, revoked or lost."""
    kafka_errors: Counter[str] = field(default_factory=Counter)
    """Transient errors that the client reported, by name."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a log line."""
        return asdict(self) | {
            "uncertain": dict(+self.uncertain),
            "dead_letters": {str(reason): count for reason, count in self.dead_letters.items()},
            "ignored_headers": dict(self.ignored_headers),
            "batches": {str(reason): count for reason, count in self.batches.items()},
            "kafka_errors": dict(self.kafka_errors),
            "inference_seconds": round(self.inference_seconds, 3),
        }
