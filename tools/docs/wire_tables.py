"""The tables of the wire format: headers, rejection reasons and the fields of a diagnosis."""

from typing import Final, Literal, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bearing_stream.commands.dead_letters.letters import REDRIVES
from bearing_stream.vocabulary import QUALITY_FLAGS, QualityFlag
from bearing_stream.wire import DeadLetter, Message, RejectionReason
from bearing_stream.wire import alarm as alarm_model
from bearing_stream.wire import diagnosis as diagnosis_model
from bearing_stream.wire import headers as h
from bearing_stream.wire.decoder import REQUIRED
from bearing_stream.wire.diagnosis import Diagnosis
from bearing_stream.wire.error_headers import (
    ORIGINAL_LENGTH,
    ORIGINAL_SHA256,
    PREFIX,
    RESULT_OF,
    TIMESTAMP,
)
from bearing_stream.wire.measurement import MeasurementAttributes
from tools.docs.docstrings import attribute_docstrings, table

MEASUREMENT_HEADERS: Final = {
    h.SPEC_VERSION: "Version of CloudEvents.",
    h.TYPE: "Type of the event, with its version.",
    h.SOURCE: "Where the measurement comes from, as a URI reference: `/plant-2/pump-7`.",
    h.ID: "Id of the measurement, unique within its source.",
    h.TIME: "RFC 3339 time of the first sample.",
    h.SUBJECT: "Id of the sensor; also the key of the message.",
    h.SAMPLING_RATE: "Sampling rate in Hz: `12000`, `25600`, `48000`, `51200` or any other.",
    h.SAMPLE_FORMAT: "Number format of the samples. Required unless the value is JSON.",
    h.UNIT: "Unit of the samples, where known. The diagnosis carries it on.",
    h.CHANNEL: "Channel of the sensor, where it has several. The diagnosis carries it on.",
    h.SHAFT_SPEED: "Shaft speed in revolutions per minute. The diagnosis carries it on.",
    h.FAULT_LABEL: "True state of the bearing, where known. The diagnosis carries it on.",
    h.CONTENT_TYPE: "Form of the value: samples in binary (the default), or JSON.",
    h.TRACE_PARENT: "W3C trace context. The diagnosis carries it on.",
}
"""Header of a measurement → what it holds."""

DIAGNOSIS_HEADERS: Final = {
    h.SPEC_VERSION: "`1.0`",
    h.TYPE: f"`{h.DIAGNOSIS_TYPE}`",
    h.SOURCE: "`/bearing-stream/consumer/MODEL/VERSION`",
    h.ID: "A hash of the measurement's source and id and of the model's name and version: the same "
    "at every replay.",
    h.TIME: "RFC 3339 time of the diagnosis.",
    h.SUBJECT: "Id of the sensor; also the key of the message.",
    h.CONTENT_TYPE: f"`{h.JSON}`",
    **dict.fromkeys(h.PASSED_ON, "Copied from the measurement, if it has the header."),
}
"""Header of a diagnosis → what it holds."""

ERROR_HEADERS: Final = {
    "topic": "Topic of the original message.",
    "partition": "Its partition.",
    "offset": "Its offset.",
    "stage": "Kafka Connect's name of the stage that failed.",
    "class.name": "The function that rejected the message.",
    "exception.class.name": "The reason, from the list below.",
    "exception.message": "What was expected and what the message held.",
    "connector.name": "The consumer group that rejected the message.",
    TIMESTAMP: "Kafka timestamp of the original, in milliseconds since the epoch. That of the dead "
    "letter is the time of the rejection.",
}
"""Added header of a dead letter, without the prefix → what it holds."""

LATER_HEADERS: Final = {
    RESULT_OF: "Group, topic, partition and offset of the message that this is the result of, as "
    "JSON. After a failure, the consumer finds its own results by it.",
    REDRIVES: "How often the original was redriven; only if it was.",
}
"""Header that the consumer adds later, or `redrive` added before → what it holds."""

STUB_HEADERS: Final = {
    ORIGINAL_LENGTH: "Bytes of the original's value; empty if it had no value.",
    ORIGINAL_SHA256: "SHA-256 of the original's value, in hexadecimal digits.",
}
"""Header that only a stub has → what it holds."""


_MODULES: Final = (diagnosis_model.__name__, alarm_model.__name__)
"""Modules whose models are described with their parts."""

FLAGS: Final[dict[QualityFlag, tuple[str, str]]] = {
    "clipping": (
        "Samples repeat the highest and the lowest level: the signal exceeds a range.",
        "clipping_samples",
    ),
    "dropout": ("The signal holds exactly the same value for a while.", "dropout_samples"),
    "jump": ("A step of the mean makes up much of the power.", "jump_share"),
    "mains-hum": (
        "50 or 60 Hz make up much of the power, and neither once nor twice the shaft speed is "
        "within 5.9 Hz of it. Where the speed is not stated, it is the nominal one of the sensor "
        "table, or the only one of the baseline.",
        "mains_hum_share",
    ),
    "novelty": (
        "The network decided, and the measurement is unlike those that it was trained on: its "
        "`novelty` is high.",
        "novelty_limit",
    ),
    "unknown-machine": (
        "The sensor table has neither a baseline of the machine nor states that the network was "
        "trained on it.",
        "sensor_table",
    ),
    "outside-baseline": (
        "The baseline of the machine does not hold the shaft speed, or the speed is a guess.",
        "sensor_table",
    ),
}
"""Quality flag → when a diagnosis has it, and the setting of its limit or of what it rests on."""


def error_header_meanings() -> dict[str, str]:
    """Return error header → what it holds, for those that a dead letter made here carries."""
    letter = DeadLetter("topic", 0, 0, RejectionReason.NO_VALUE, "", Message(None, None, [], 1))
    names = [name for name, _ in letter.message("group").headers]
    return {name: ERROR_HEADERS[name.removeprefix(PREFIX)] for name in names}


def measurement_fields() -> dict[str, FieldInfo]:
    """Return header → the field of `MeasurementAttributes` that reads it."""
    return {field.alias or "": field for field in MeasurementAttributes.model_fields.values()}


def choices(field: FieldInfo) -> list[str]:
    """Return the values that a field allows; empty if they cannot be listed."""
    for annotation in (field.annotation, *get_args(field.annotation)):
        if get_origin(annotation) is Literal:
            return [str(value) for value in get_args(annotation)]
    return []


def measurement_headers() -> str:
    """Return the Markdown table of a measurement's headers."""
    fields = measurement_fields()
    rows = []
    for name, meaning in MEASUREMENT_HEADERS.items():
        allowed = ", ".join(f"`{each}`" for each in choices(fields[name])) if name in fields else ""
        rows.append((f"`{name}`", "yes" if name in REQUIRED else "", allowed, meaning))
    return table(("header", "required", "values", "meaning"), rows)


def diagnosis_headers() -> str:
    """Return the Markdown table of a diagnosis's headers."""
    return table(
        ("header", "value"), [(f"`{name}`", text) for name, text in DIAGNOSIS_HEADERS.items()]
    )


def error_headers() -> str:
    """Return the Markdown table of a dead letter's error headers."""
    meanings = error_header_meanings() | LATER_HEADERS | STUB_HEADERS
    rows = [(f"`{name}`", text) for name, text in meanings.items()]
    return table(("header", "value"), rows)


def rejection_reasons() -> str:
    """Return the Markdown table of the rejection reasons."""
    texts = attribute_docstrings(RejectionReason)
    rows = [(f"`{reason}`", texts[reason.name]) for reason in RejectionReason]
    return table(("reason", "meaning"), rows)


def quality_flags() -> str:
    """Return the Markdown table of the quality flags."""
    rows = [(f"`{flag}`", FLAGS[flag][0], f"`{FLAGS[flag][1]}`") for flag in QUALITY_FLAGS]
    return table(("flag", "meaning", "limit"), rows)


def diagnosis_fields() -> str:
    """Return the Markdown table of the fields of a diagnosis, those of its parts included."""
    return table(("field", "meaning"), _fields(Diagnosis, ""))


def fields_of(model: type[BaseModel]) -> list[tuple[str, ...]]:
    """Return name and meaning of each field of a model, and of its parts."""
    return _fields(model, "")


def _fields(model: type[BaseModel], prefix: str) -> list[tuple[str, ...]]:
    texts: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if owner.__module__ in _MODULES:
            texts |= attribute_docstrings(owner)
    rows: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        part = _part(field)
        meaning = texts.get(name) or (part and part.__doc__) or ""
        values = ", ".join(f"`{each}`" for each in _examples(field))
        rows.append((f"`{prefix}{name}`", f"{meaning} Values: {values}." if values else meaning))
        if part:
            rows += _fields(part, f"{prefix}{name}.")
    return rows


def _examples(field: FieldInfo) -> list[str]:
    """Return the values that a field, or the items of its list, have so far; else nothing."""
    inner = get_args(field.annotation)
    item = get_args(inner[0])[1:] if get_origin(field.annotation) is list else ()
    for one in (field, *item):
        if isinstance(one, FieldInfo) and isinstance(one.json_schema_extra, dict):
            return [str(value) for value in cast("list[str]", one.json_schema_extra["examples"])]
    return []


def _part(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model that a field holds, if it holds one of this project."""
    for annotation in (field.annotation, *get_args(field.annotation)):
        if isinstance(annotation, type) and annotation.__module__ in _MODULES:
            return annotation if issubclass(annotation, BaseModel) else None
    return None
