"""A diagnosis on the wire: one JSON object from one model."""

from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import to_json

from bearing_stream.vocabulary import FaultLabel, QualityFlag
from bearing_stream.wire import headers as h
from bearing_stream.wire.window import WindowAttributes

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    # Warned about names like `model_version` otherwise: pydantic keeps `model_` to itself.
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Latency(_Part):
    """Where the time went, in milliseconds."""

    queued: Milliseconds
    """From the window's Kafka timestamp to the start of inference. The clock of whoever stamped it
    is another one: if it runs ahead, this is negative."""
    inference: Milliseconds
    """The forward pass of the batch this window was in."""
    total: Milliseconds
    """From the window's Kafka timestamp to the making of this diagnosis."""


class ModelInfo(_Part):
    """What made the diagnosis."""

    name: str
    version: str
    device: str
    """`cpu` or `cuda`, as it was for this window."""


class Input(_Part):
    """Where the window stood."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class Evidence(_Part):
    """What the physics of the bearing says, beside the network."""

    outer_sigma: float
    """How far the lines of an outer-race fault stand out of the envelope spectrum, in standard
    deviations of the machine's healthy windows."""
    inner_sigma: float
    """The same of an inner-race fault."""
    ball_sigma: float
    """The same of a ball fault."""
    shaft_speed: Annotated[float, Field(gt=0)]
    """Revolutions a minute at which the lines were read."""
    decided_by: Literal["physics", "network"]
    """Which of the two the prediction rests on."""


class Diagnosis(_Part):
    """The diagnosis of one window."""

    window_id: str
    """`ce_id` of the window: unique within its source."""
    source: str
    """`ce_source` of the window."""
    sensor: str
    measured_at: AwareDatetime
    """When the first sample was taken."""
    prediction: FaultLabel | Literal["Unknown"]
    """The label with the highest probability; `Unknown` where the diagnosis is uncertain and the
    consumer is set to say so."""
    probability: Share
    """The highest of the probabilities."""
    probabilities: dict[FaultLabel, Share]
    """Of every label; they sum to 1."""
    quality: Literal["good", "uncertain"]
    """`uncertain` where there are reasons to doubt the diagnosis."""
    reasons: list[QualityFlag]
    """The quality flags; empty where the quality is good."""
    novelty: Annotated[float, Field(ge=0)]
    """How unlike the windows that the network was trained on; doubted above 1."""
    evidence: Evidence | None = None
    """Where the consumer weighs the physics of the bearing too."""
    latency_ms: Latency
    batch_size: Annotated[int, Field(ge=1)]
    """Windows in the forward pass."""
    model: ModelInfo
    input: Input
    shaft_speed: float | None = None
    """Revolutions a minute, where the window says it."""
    fault_label: FaultLabel | None = None
    """The truth, where the window says it."""


def diagnosis_id(window: WindowAttributes, model: str, version: str) -> str:
    """The `ce_id` of a diagnosis: the same at every replay, so that anyone can deduplicate.

    A hash of what identifies the window in CloudEvents (source and id) and the model: another
    model's opinion of the same window is another diagnosis.
    """
    identity = to_json((window.source, window.id, model, version))
    return blake2b(identity, digest_size=16).hexdigest()


def encode_diagnosis(
    diagnosis: Diagnosis, identity: str, made_at: str, window_headers: h.Headers
) -> h.Message:
    """The message for a diagnosis.

    Args:
        diagnosis: The value.
        identity: From `diagnosis_id`.
        made_at: RFC 3339 time of the diagnosis (see `format_time`); one string serves a batch.
        window_headers: The window's headers; shaft speed, label and trace context are passed on.
    """
    sensor = diagnosis.sensor.encode()
    headers: h.Headers = [
        *_made_by(diagnosis.model.name, diagnosis.model.version),
        (h.ID, identity.encode()),
        (h.TIME, made_at.encode()),
        (h.SUBJECT, sensor),
    ]
    headers += [header for header in window_headers if header[0] in h.PASSED_ON]
    value = diagnosis.__pydantic_serializer__.to_json(diagnosis)
    return h.Message(sensor, value, headers)


@lru_cache(16)
def _made_by(model: str, version: str) -> h.Headers:
    """The headers that all diagnoses of a model share."""
    return [
        (h.SPEC_VERSION, b"1.0"),
        (h.TYPE, h.DIAGNOSIS_TYPE.encode()),
        (h.CONTENT_TYPE, h.JSON.encode()),
        (h.SOURCE, f"/bearing-stream/consumer/{model}/{version}".encode()),
    ]


def decode_diagnosis(headers: h.Headers | None, value: bytes | None) -> tuple[str, Diagnosis]:
    """The `ce_id` and the diagnosis that a message holds.

    Raises:
        ValueError: The message is no diagnosis of version 1; says what was expected.
    """
    found = dict(headers or ())
    if found.get(h.TYPE) != h.DIAGNOSIS_TYPE.encode():
        raise ValueError(f"expected a header {h.TYPE} that says {h.DIAGNOSIS_TYPE}")
    identity = found.get(h.ID)
    if not identity:
        raise ValueError(f"expected a header {h.ID}")
    return identity.decode(), Diagnosis.model_validate_json(value or b"")
