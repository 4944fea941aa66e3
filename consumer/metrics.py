"""Every number that the consumer counts, listed once."""

from collections import Counter
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

from bearing_stream.observability.histogram import Histogram

SECONDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)
"""Bounds of the histograms of durations."""

AGES: Final = (*SECONDS, 3600.0, 86400.0)
"""Bounds of the histogram of the ages of measurements: recordings that are replayed are old."""

WINDOWS: Final = (1.0, 4.0, 16.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 65536.0)
"""Bounds of the histogram of the sizes of batches."""


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


class Rebalance(StrEnum):
    """What the group did with partitions of this consumer."""

    ASSIGNED = "assigned"
    REVOKED = "revoked"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Distributions:
    """How values are distributed; exported, and not part of the report."""

    batch_windows: Histogram = field(default_factory=lambda: Histogram(WINDOWS))
    inference_seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    commit_seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    latency_seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    freshness_seconds: Histogram = field(default_factory=lambda: Histogram(AGES))


@dataclass
class Metrics:
    """Counts since the start. Only what is committed counts as diagnosed or dead-lettered."""

    diagnosed: int = 0
    """Measurements whose diagnoses are committed."""
    windows: int = 0
    """Windows that they hold: one each, unless measurements are longer."""
    predictions: Counter[str] = field(default_factory=Counter)
    """Committed diagnoses by prediction."""
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
    """Messages that Kafka redelivered, and that were ignored."""
    skipped: int = 0
    """Offsets that retention deleted before their measurements were diagnosed, or of batches that
    cannot be unpacked: lost."""
    restarted_partitions: int = 0
    """Partitions whose log was deleted and created anew, or cut off."""
    rebalances: Counter[str] = field(default_factory=Counter)
    """Times that partitions were assigned, revoked or lost."""
    kafka_errors: Counter[str] = field(default_factory=Counter)
    """Transient errors that the client reported, by name."""
    device_fallbacks: int = 0
    """Times that a device failed and the CPU took its place."""
    distributions: Distributions = field(default_factory=Distributions)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a log line."""
        held = {one.name: getattr(self, one.name) for one in fields(self)}
        del held["distributions"]
        return {name: _plain(value) for name, value in held.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Counter):
        return {str(name): count for name, count in value.items() if count}
    return round(value, 3) if isinstance(value, float) else value
