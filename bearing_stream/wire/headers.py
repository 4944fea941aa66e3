"""Names of headers and content types, and the type of a message to produce."""

from typing import Final, NamedTuple

Headers = list[tuple[str, bytes | None]]
"""Headers as the Kafka client returns and accepts them: in order, names may repeat."""

SPEC_VERSION: Final = "ce_specversion"
TYPE: Final = "ce_type"
SOURCE: Final = "ce_source"
ID: Final = "ce_id"
TIME: Final = "ce_time"
SUBJECT: Final = "ce_subject"
SAMPLING_RATE: Final = "ce_samplingrate"
SAMPLE_FORMAT: Final = "ce_sampleformat"
SHAFT_SPEED: Final = "ce_shaftspeed"
FAULT_LABEL: Final = "ce_faultlabel"
CONTENT_TYPE: Final = "content-type"
TRACE_PARENT: Final = "traceparent"

PASSED_ON: Final = (SHAFT_SPEED, FAULT_LABEL, TRACE_PARENT)
"""Headers of a window that its diagnosis carries unchanged."""

WINDOW_TYPE: Final = "bearing.vibration.window.v1"
DIAGNOSIS_TYPE: Final = "bearing.diagnosis.v1"

BINARY: Final = "application/octet-stream"
JSON: Final = "application/json"


class Message(NamedTuple):
    """A message to produce.

    `timestamp` is in milliseconds since the epoch; with 0 the client sets the current time.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int = 0
