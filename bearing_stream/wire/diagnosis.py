"""A diagnosis on the wire: one JSON object, strict when it is written and tolerant when it is read.

`PublishedDiagnosis` is what this version publishes: no other field and no other value of an enum.
`Diagnosis` is what a subscriber reads, of this version or a later one with the same `ce_type`: it
ignores fields that it does not know, and takes any text where later versions may add values.
"""

from collections.abc import Collection
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal, get_args

from msgspec.json import Encoder
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS, FaultLabel, QualityFlag
from bearing_stream.wire import headers as h
from bearing_stream.wire.measurement import MeasurementAttributes, Unit
from bearing_stream.wire.rows import DiagnosisRow
from bearing_stream.wire.trace import is_trace_parent


def _growing(values: tuple[str, ...]) -> Any:
    """A field with the values of an enum to which later versions may add."""
    description = "One of the examples, or a value that a later version added."
    return Field(json_schema_extra={"examples": list(values), "description": description})


UNKNOWN: Final = "Unknown"
"""The prediction where the consumer is set to predict nothing for an uncertain diagnosis."""

Prediction = Literal[FaultLabel, "Unknown"]
Quality = Literal["good", "uncertain"]
DecidedBy = Literal["physics", "network"]
SpeedFoundBy = Literal["stated", "search", "baseline"]

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(allow_inf_nan=False)]


_PASSED_ON: Final = frozenset(h.PASSED_ON)

_JSON: Final = Encoder()


class _Part(BaseModel):
    # Without this, pydantic warns about names like `model_version`: it reserves `model_`.
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Latency(_Part):
    """Latency of a diagnosis by stage, in milliseconds."""

    queued: Milliseconds
    """From the measurement's Kafka timestamp to the start of inference. The clock that set the
    timestamp is another one: if it runs ahead, this is negative."""
    inference: Milliseconds
    """Diagnosing what `batch_size` counts. What the network began before is not in it."""
    total: Milliseconds
    """From the measurement's Kafka timestamp to the creation of this diagnosis."""


class ModelInfo(_Part):
    """The model that made the diagnosis."""

    name: str
    version: str
    device: str
    """`cpu` or `cuda`: the device used for this measurement."""
    backend: str | None = None
    """What computed the network: `native`, `numpy` or `torch`; their numbers agree to 1e-5."""


class Input(_Part):
    """Topic, partition and offset of the measurement."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class Evidence(_Part):
    """The physical evidence: fault lines in the envelope spectrum, independent of the network."""

    outer_sigma: float
    """Height of the lines of an outer-race fault above the envelope spectrum, in standard
    deviations over the machine's healthy windows."""
    inner_sigma: float
    """The same for an inner-race fault."""
    ball_sigma: float
    """The same for a ball fault."""
    change_sigma: float | None = None
    """How far the shape of the spectrum is from that of the machine's healthy windows, in standard
    deviations: above 3 the machine has changed, by whatever it may be."""
    shaft_speed: Annotated[float, Field(gt=0)]
    """Revolutions per minute for which the frequencies of the lines were computed."""
    speed_found_by: Annotated[str, _growing(get_args(SpeedFoundBy))] | None = None
    """What that speed is from: it was `stated`; the lines stand out at another one nearby
    (`search`); or neither, and it is that of the `baseline`."""
    decided_by: Annotated[str, _growing(get_args(DecidedBy))]
    """Whether the prediction is that of physics or of the network."""


class LineHeights(_Part):
    """Heights of the fault lines, those of the evidence, in standard deviations."""

    outer: float
    inner: float
    ball: float


class Indicators(_Part):
    """Condition indicators, for trends: of the measurement at 12 kHz, without its mean."""

    rms: Annotated[float, Field(ge=0)]
    """Root of the mean square, in the unit of the samples."""
    peak: Annotated[float, Field(ge=0)]
    """Largest magnitude, in the unit of the samples."""
    crest_factor: Annotated[float, Field(ge=0)]
    """Peak over RMS: 1.4 of a sine, 3 to 4 of noise, more where there are impacts."""
    kurtosis: Annotated[float, Field(ge=0)]
    """Mean fourth power over the squared mean square: 1.5 of a sine, 3 of Gaussian noise, more
    where there are impacts."""
    velocity_rms: Annotated[float, Field(ge=0)] | None = None
    """RMS of the velocity from 10 to 1,000 Hz in mm/s, where the unit is g or m/s2 and the
    measurement lasts three windows (0.512 s) or more."""
    lines: LineHeights | None = None
    """Present with physical evidence."""


class Diagnosis(_Part):
    """The diagnosis of one measurement."""

    window_id: str
    """`ce_id` of the measurement: unique within its source."""
    source: str
    """`ce_source` of the measurement."""
    sensor: str
    measured_at: AwareDatetime
    """Time of the first sample."""
    prediction: Annotated[str, _growing((*FAULT_LABELS, UNKNOWN))]
    """The label with the highest probability; `Unknown` if the diagnosis is uncertain and the
    consumer's setting `uncertain_as_unknown` is on."""
    probability: Share
    """The highest of the probabilities."""
    probabilities: dict[str, Share]
    """By label; they sum to 1."""
    quality: Annotated[str, _growing(get_args(Quality))]
    """`uncertain` if there is at least one quality flag."""
    reasons: list[Annotated[str, _growing(QUALITY_FLAGS)]]
    """The quality flags; empty if the quality is good."""
    novelty: Annotated[float, Field(ge=0)]
    """Out-of-distribution score: how unlike the windows that the network was trained on. Above
    `novelty_limit`, by default 1, the diagnosis is flagged, unless physics decided."""
    evidence: Evidence | None = None
    """Present where the sensor has a baseline and its lines can be read at the speed, unless the
    consumer runs with `--diagnoser network`."""
    windows: Annotated[int, Field(ge=1)] = 1
    """Windows of 2048 samples at 12 kHz in the measurement. Log-probabilities, novelty and evidence
    are means over those without a signal flag; if all have one, over all."""
    indicators: Indicators | None = None
    latency_ms: Latency
    batch_size: Annotated[int, Field(ge=1)]
    """Windows that were diagnosed together."""
    model: ModelInfo
    input: Input
    shaft_speed: float | None = None
    """Revolutions per minute, if the measurement states it."""
    unit: Annotated[str, _growing(get_args(Unit))] | None = None
    """Unit of the samples, if the measurement states it."""
    channel: str | None = None
    """Channel of the sensor, if the measurement states it."""
    fault_label: Annotated[str, _growing(FAULT_LABELS)] | None = None
    """The true label, if the measurement states it."""


class PublishedEvidence(Evidence, extra="forbid"):
    """The evidence of a diagnosis of this version."""

    speed_found_by: SpeedFoundBy | None = None
    decided_by: DecidedBy


class PublishedIndicators(Indicators, extra="forbid"):
    """The indicators of a diagnosis of this version."""


class PublishedDiagnosis(Diagnosis, extra="forbid"):
    """A diagnosis of this version, to publish.

    Raises `ValidationError` for any other field, label, flag or quality.
    """

    prediction: Prediction
    probabilities: dict[FaultLabel, Share]  # type: ignore[assignment]
    quality: Quality
    reasons: list[QualityFlag]  # type: ignore[assignment]
    evidence: PublishedEvidence | None = None
    indicators: PublishedIndicators | None = None
    unit: Unit | None = None
    fault_label: FaultLabel | None = None


def diagnosis_id(measurement: MeasurementAttributes, model: str, version: str) -> str:
    """The `ce_id` of a diagnosis: the same at every replay, so that subscribers can deduplicate.

    A hash of the measurement's CloudEvents identity (source and id) and of the model: another
    model's prediction for the same measurement is another diagnosis.
    """
    identity = _JSON.encode((measurement.source, measurement.id, model, version))
    return blake2b(identity, digest_size=16).hexdigest()


def passed_on(headers: h.Headers, ignored: Collection[str] = ()) -> h.Headers:
    """Return the headers of a measurement that its diagnosis has too.

    Args:
        headers: Of the measurement; each known header at most once.
        ignored: Names of the optional headers whose value is invalid; see `MeasurementAttributes`.
    """
    kept = [header for header in headers if header[0] in _PASSED_ON]
    if not ignored:
        return kept
    # A trace context may be there twice, and only one of them invalid.
    return [
        (name, raw)
        for name, raw in kept
        if (is_trace_parent(raw) if name == h.TRACE_PARENT else name not in ignored)
    ]


def encode_diagnosis(
    diagnosis: PublishedDiagnosis | DiagnosisRow,
    identity: str,
    made_at: str,
    passed_on: h.Headers,
) -> h.Message:
    """The message for a diagnosis.

    Args:
        diagnosis: The value.
        identity: From `diagnosis_id`.
        made_at: RFC 3339 time of the diagnosis (see `format_time`); one string for a batch.
        passed_on: Headers of the measurement that the diagnosis has too; from `passed_on`.
    """
    sensor = diagnosis.sensor.encode()
    headers: h.Headers = [
        *_model_headers(diagnosis.model.name, diagnosis.model.version),
        (h.ID, identity.encode()),
        (h.TIME, made_at.encode()),
        (h.SUBJECT, sensor),
        *passed_on,
    ]
    return h.Message(sensor, _to_json(diagnosis), headers)


def _to_json(diagnosis: PublishedDiagnosis | DiagnosisRow) -> bytes:
    if isinstance(diagnosis, DiagnosisRow):
        return _JSON.encode(diagnosis)
    return diagnosis.__pydantic_serializer__.to_json(diagnosis)


@lru_cache(16)
def _model_headers(model: str, version: str) -> h.Headers:
    """The headers that all diagnoses of a model have in common."""
    return [
        (h.SPEC_VERSION, b"1.0"),
        (h.TYPE, h.DIAGNOSIS_TYPE.encode()),
        (h.CONTENT_TYPE, h.JSON.encode()),
        (h.SOURCE, f"/bearing-stream/consumer/{model}/{version}".encode()),
    ]


def decode_diagnosis(headers: h.Headers | None, value: bytes | None) -> tuple[str, Diagnosis]:
    """The `ce_id` and the diagnosis that a message holds, ignoring what this version does not know.

    Raises:
        ValueError: The message is not a diagnosis of version 1; states what was expected.
    """
    found = dict(headers or ())
    if found.get(h.TYPE) != h.DIAGNOSIS_TYPE.encode():
        raise ValueError(f"expected a header {h.TYPE} with the value {h.DIAGNOSIS_TYPE}")
    identity = found.get(h.ID)
    if not identity:
        raise ValueError(f"expected a header {h.ID}")
    return identity.decode(), Diagnosis.model_validate_json(value or b"")
