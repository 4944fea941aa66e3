"""The fields of a diagnosis as the consumer fills them in: fast to make and to encode, unchecked.

`PublishedDiagnosis` defines each field. Validating what this program itself computed, and encoding
the models, takes more than half of the time of the network.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct, defstruct

from bearing_stream.vocabulary import FAULT_LABELS, QualityFlag

SharesRow: Any = defstruct("SharesRow", [(label, float) for label in FAULT_LABELS], gc=False)
"""The probabilities by label; a struct is encoded in half the time of a dictionary."""


class LatencyRow(Struct, gc=False):
    """The fields of `Latency`."""

    queued: float
    inference: float
    total: float


class ModelRow(Struct, gc=False):
    """The fields of `ModelInfo`."""

    name: str
    version: str
    device: str
    backend: str | None


class InputRow(Struct, gc=False):
    """The fields of `Input`."""

    topic: str
    partition: int
    offset: int


class EvidenceRow(Struct, gc=False):
    """The fields of `Evidence`."""

    outer_sigma: float
    inner_sigma: float
    ball_sigma: float
    change_sigma: float | None
    shaft_speed: float
    speed_found_by: str | None
    decided_by: str


class LinesRow(Struct, gc=False):
    """The fields of `LineHeights`."""

    outer: float
    inner: float
    ball: float


class IndicatorsRow(Struct, gc=False):
    """The fields of `Indicators`."""

    rms: float
    peak: float
    crest_factor: float
    kurtosis: float
    velocity_rms: float | None
    lines: LinesRow | None


class DiagnosisRow(Struct, gc=False):
    """The fields of `PublishedDiagnosis`, in its order; `encode_diagnosis` takes either.

    A number that is not finite is written as null, as that model writes it.
    """

    window_id: str
    source: str
    sensor: str
    measured_at: datetime
    prediction: str
    probability: float
    probabilities: SharesRow
    quality: str
    reasons: list[QualityFlag]
    novelty: float
    evidence: EvidenceRow | None
    windows: int
    indicators: IndicatorsRow | None
    latency_ms: LatencyRow
    batch_size: int
    model: ModelRow
    input: InputRow
    shaft_speed: float | None
    unit: str | None
    channel: str | None
    fault_label: str | None
