"""The wire format: windows, diagnoses and dead letters as Kafka messages, encoded and decoded.

Metadata is in headers, as CloudEvents 1.0 binary mode for Kafka defines it; the value is the
samples or JSON. The package needs no Kafka client, and is independent of the model.
"""

from bearing_stream.wire.dead_letter import DeadLetter, Rejection, RejectionReason
from bearing_stream.wire.decoder import decode_window
from bearing_stream.wire.diagnosis import (
    Diagnosis,
    Evidence,
    Input,
    Latency,
    ModelInfo,
    PublishedDiagnosis,
    decode_diagnosis,
    diagnosis_id,
    encode_diagnosis,
)
from bearing_stream.wire.error_headers import ErrorHeaders, read_error_headers
from bearing_stream.wire.headers import Headers, Message
from bearing_stream.wire.reading import readable_headers
from bearing_stream.wire.timestamps import format_time
from bearing_stream.wire.window import (
    SAMPLE_DTYPES,
    SampleFormat,
    Window,
    WindowAttributes,
    encode_window,
)

__all__ = [
    "SAMPLE_DTYPES",
    "DeadLetter",
    "Diagnosis",
    "ErrorHeaders",
    "Evidence",
    "Headers",
    "Input",
    "Latency",
    "Message",
    "ModelInfo",
    "PublishedDiagnosis",
    "Rejection",
    "RejectionReason",
    "SampleFormat",
    "Window",
    "WindowAttributes",
    "decode_diagnosis",
    "decode_window",
    "diagnosis_id",
    "encode_diagnosis",
    "encode_window",
    "format_time",
    "read_error_headers",
    "readable_headers",
]
