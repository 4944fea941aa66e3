"""Names of headers and content types, and the type of a message to produce."""

from typing import Final, NamedTuple

Header = tuple[str, bytes | None]
"""Name and value."""

Headers = list[Header]
"""Headers as the Kafka client returns and accepts them: in order, names may repeat."""

SPEC_VERSION: Final = "ce_specversion"
TYPE: Final = "ce_type"
SOURCE: Final = "ce_source"
ID: Final = "ce_id"
TIME: Final = "ce_time"
SUBJECT: Final = "ce_subject"
SAMPLING_RATE: Final = "ce_samplingrate"
SAMPLE_FORMAT: Final = "ce_sampleformat"
UNIT: Final = "ce_unit"
CHANNEL: Final = "ce_channel"
SHAFT_SPEED: Final = "ce_shaftspeed"
FAULT_LABEL: Final = "ce_faultlabel"
CONTENT_TYPE: Final = "content-type"
DATA_CONTENT_TYPE: Final = "ce_datacontenttype"
"""The same, as senders name it that write every attribute of CloudEvents with its prefix."""
TRACE_PARENT: Final = "traceparent"

PASSED_ON: Final = (UNIT, CHANNEL, SHAFT_SPEED, FAULT_LABEL, TRACE_PARENT)
"""Headers of a measurement that its diagnosis carries unchanged."""

WINDOW_TYPE: Final = "bearing.vibration.window.v1"
"""Of a measurement. A name is not changed: in the first version, each was one window."""

DIAGNOSIS_TYPE: Final = "bearing.diagnosis.v1"
ALARM_TYPE: Final = "bearing.alarm.v1"
ALARM_EVENT_TYPE: Final = "bearing.alarm-event.v1"
ALARM_COMMAND_TYPE: Final = "bearing.alarm-command.v1"

BINARY: Final = "application/octet-stream"
JSON: Final = "application/json"


class Message(NamedTuple):
    """A message to produce.

    `timestamp` is in milliseconds since the epoch; with 0 the client sets the current time. Without
    a `partition`, the partitioner chooses one by the key.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int = 0
    partition: int | None = None


HEADER_OVERHEAD: Final = 10
"""Bytes of a header in a record, at most, apart from name and value: two lengths as varints."""

RECORD_OVERHEAD: Final = 128
"""Bytes of a batch of one record, at most, apart from key, value and headers: 61 for the batch, 1
for the record's attributes, and up to 10 for each of six varints."""


def record_size(message: Message) -> int:
    """An upper bound of the bytes of a message in Kafka, uncompressed and alone in its batch.

    The sum of key, value, names and values of the headers, plus `HEADER_OVERHEAD` for each header
    and `RECORD_OVERHEAD`. Kafka compares the batch, compressed, with `max.message.bytes` of the
    topic; librdkafka compares the uncompressed message with its `message.max.bytes`.
    """
    return (
        RECORD_OVERHEAD
        + len(message.key or b"")
        + len(message.value or b"")
        + sum(map(header_size, message.headers))
    )


def header_size(header: Header) -> int:
    """An upper bound of the bytes of a header in a record."""
    name, raw = header
    return HEADER_OVERHEAD + len(name.encode(errors="surrogatepass")) + len(raw or b"")
