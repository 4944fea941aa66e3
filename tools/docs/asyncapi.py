"""The AsyncAPI 3 document of the topics, made from the wire format.

`python -m tools.docs.asyncapi` prints it; `make docs` puts it on the site as `asyncapi.yaml`.
"""

from importlib.metadata import version
from typing import Any, Final

import click
import yaml
from pydantic import BaseModel

from bearing_stream.kafka import AlarmTopicSettings, TopicSettings
from bearing_stream.sampling import LOW_RATE, least_length
from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import RejectionReason
from bearing_stream.wire import headers as h
from bearing_stream.wire.alarm import SOURCE, TYPES, Alarm, AlarmCommand, AlarmEvent
from bearing_stream.wire.decoder import REQUIRED
from bearing_stream.wire.diagnosis import Diagnosis
from bearing_stream.wire.error_headers import TIMESTAMP
from tools.docs.schema import VERSIONING
from tools.docs.wire_tables import (
    DIAGNOSIS_HEADERS,
    LATER_HEADERS,
    MEASUREMENT_HEADERS,
    STUB_HEADERS,
    choices,
    error_header_meanings,
    measurement_fields,
)

KAFKA_BINDING: Final = "0.5.0"
"""Version of AsyncAPI's bindings for Kafka."""

BYTES: Final = {"type": "string", "format": "binary"}
"""Payload that is no text."""

ALARM_MESSAGES: Final[dict[str, type[BaseModel]]] = {
    "alarm": Alarm,
    "alarmEvent": AlarmEvent,
    "alarmCommand": AlarmCommand,
}
"""Message → the model of its value."""

ALARM_HEADERS: Final = {
    h.SPEC_VERSION: "Version of CloudEvents.",
    h.TYPE: "Type of the message, with its version.",
    h.CONTENT_TYPE: "Form of the value.",
    h.SOURCE: f"`{SOURCE}`, or who gave the command.",
    h.ID: "Id of the transition, the same at every replay, or of the command.",
    h.TIME: "RFC 3339 time: event time of the sensor's latest measurement, or of the command.",
    h.SUBJECT: "Id of the alarm; also the key.",
}
"""Header of a message about alarms → what it holds."""

Document = dict[str, Any]


def asyncapi() -> Document:
    """Return the document as plain objects."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "bearing-stream",
            "version": version("bearing-stream"),
            "description": (
                "Vibration measurements of bearings, their diagnoses, and the messages "
                "that could not be diagnosed. Headers are UTF-8 strings, those of CloudEvents 1.0 "
                "in its binary mode for Kafka. Topic names are settings; these are the defaults. "
                f"{VERSIONING}"
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": h.JSON,
        "channels": {
            "windows": _channel("windows_topic", "measurementBinary", "measurementJson"),
            "diagnoses": _channel("diagnoses_topic", "diagnosis"),
            "deadLetters": _channel("dead_letters_topic", "deadLetter"),
            "alarms": _channel("alarms_topic", "alarm"),
            "alarmEvents": _channel("alarm_events_topic", "alarmEvent"),
            "alarmCommands": _channel("alarm_commands_topic", "alarmCommand"),
        },
        "operations": {
            "receiveMeasurement": _operation(
                "receive", "windows", "The consumer reads a measurement."
            ),
            "sendDiagnosis": _operation("send", "diagnoses", "The consumer publishes a diagnosis."),
            "sendDeadLetter": _operation(
                "send", "deadLetters", "The consumer publishes what it could not diagnose."
            ),
            "sendAlarm": _operation("send", "alarms", "The alarm as it is now, at each change."),
            "sendAlarmEvent": _operation("send", "alarmEvents", "A transition of an alarm."),
            "receiveAlarmCommand": _operation(
                "receive", "alarmCommands", "What an operator asks of an alarm is carried out."
            ),
        },
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def as_yaml() -> str:
    """Return the document as YAML."""
    text: str = yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=100)
    return text


def _channel(setting: str, *messages: str) -> Document:
    field = (TopicSettings.model_fields | AlarmTopicSettings.model_fields)[setting]
    return {
        "address": field.default,
        "description": field.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"topic": field.default, "bindingVersion": KAFKA_BINDING}},
    }


def _operation(action: str, channel: str, summary: str) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
    }


def _messages() -> Document:
    return {
        "measurementBinary": _message(
            f"Samples, packed in the format that {h.SAMPLE_FORMAT} names: at least one window, "
            f"{WINDOW_LENGTH} samples at 12 kHz.",
            h.BINARY,
            "measurementHeaders",
            BYTES,
        ),
        "measurementJson": _message(
            "Samples as JSON: at least one window.",
            h.JSON,
            "measurementHeaders",
            {"$ref": "#/components/schemas/MeasurementRecord"},
        ),
        "diagnosis": _message(
            "The diagnosis of one measurement.",
            h.JSON,
            "diagnosisHeaders",
            {"$ref": "#/components/schemas/Diagnosis"},
        ),
        "deadLetter": _message(
            "A message that could not be diagnosed: its key, value and headers, with headers "
            "added; or, where that is too large, a stub without value.",
            h.BINARY,
            "deadLetterHeaders",
            BYTES,
        ),
        **{
            name: _message(
                str(model.__doc__),
                h.JSON,
                f"{name}Headers",
                {"$ref": f"#/components/schemas/{model.__name__}"},
                key="Id of the alarm.",
            )
            for name, model in ALARM_MESSAGES.items()
        },
    }


def _message(
    summary: str,
    content_type: str,
    headers: str,
    payload: Document,
    key: str = "Id of the sensor.",
) -> Document:
    described = {"type": "string", "description": key}
    return {
        "summary": summary,
        "contentType": content_type,
        "headers": {"$ref": f"#/components/schemas/{headers}"},
        "payload": payload,
        "bindings": {"kafka": {"key": described, "bindingVersion": KAFKA_BINDING}},
    }


def _schemas() -> Document:
    parts: Document = {}
    payloads: Document = {}
    models: list[type[BaseModel]] = [Diagnosis, *ALARM_MESSAGES.values()]
    for model in models:
        schema = model.model_json_schema(
            mode="serialization", ref_template="#/components/schemas/{model}"
        )
        parts |= schema.pop("$defs", {})
        payloads[model.__name__] = schema
    samples = {"type": "number"}
    return {
        "measurementHeaders": _headers(MEASUREMENT_HEADERS, REQUIRED, _measurement_values()),
        "diagnosisHeaders": _headers(
            DIAGNOSIS_HEADERS,
            [name for name in DIAGNOSIS_HEADERS if name not in h.PASSED_ON],
            {h.TYPE: {"const": h.DIAGNOSIS_TYPE}, h.CONTENT_TYPE: {"const": h.JSON}},
        ),
        "deadLetterHeaders": _error_headers(),
        "MeasurementRecord": {
            "type": "object",
            "required": ["record"],
            "properties": {
                "record": {
                    "type": "array",
                    "items": samples,
                    "minItems": least_length(LOW_RATE),
                }
            },
        },
        **{
            f"{name}Headers": _headers(
                ALARM_HEADERS,
                [each for each in ALARM_HEADERS if each != h.TIME],
                {h.TYPE: {"const": TYPES[model]}, h.CONTENT_TYPE: {"const": h.JSON}},
            )
            for name, model in ALARM_MESSAGES.items()
        },
        **payloads,
        **parts,
    }


def _measurement_values() -> dict[str, Document]:
    """Return header → the values that it may have, where they can be listed."""
    listed = {name: choices(field) for name, field in measurement_fields().items()}
    return {name: {"enum": allowed} for name, allowed in listed.items() if allowed}


def _headers(
    meanings: dict[str, str], required: tuple[str, ...] | list[str], values: dict[str, Document]
) -> Document:
    return {
        "type": "object",
        "required": list(required),
        "properties": {
            name: {"type": "string", "description": meaning, **values.get(name, {})}
            for name, meaning in meanings.items()
        },
    }


def _error_headers() -> Document:
    meanings = error_header_meanings()
    reason = next(name for name in meanings if name.endswith("exception.class.name"))
    required = [name for name in meanings if name != TIMESTAMP]
    known = ", ".join(RejectionReason)
    values = {reason: {"description": f"The reason. Known ones, of which more may come: {known}."}}
    return _headers(meanings | LATER_HEADERS | STUB_HEADERS, required, values)


if __name__ == "__main__":
    click.echo(as_yaml(), nl=False)
