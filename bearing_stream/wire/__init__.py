"""The wire format: measurements, diagnoses and dead letters as Kafka messages, encoded and decoded.

Metadata is in headers, as CloudEvents 1.0 binary mode for Kafka defines it; the value is the
samples or JSON. The package needs no Kafka client, and is independent of the model.
"""

from bearing_stream.wire.blocks import copy_windows, is_window
from bearing_stream.wire.dead_letter import DeadLetter, Rejection, RejectionReason
from bearing_stream.wire.decoder import decode_measurement, decode_window
from bearing_stream.wire.diagnosis import (
    Diagnosis,
    Evidence,
    Indicators,
    Input,
    Latency,
    ModelInfo,
    PublishedDiagnosis,
    decode_diagnosis,
    diagnosis_id,
    encode_diagnosis,
    passed_on,
)
from bearing_stream.wire.error_headers import ErrorHeaders, read_error_headers
from bearing_stream.wire.headers import Headers, Message
from bearing_stream.wire.limits import MeasurementLimits
from bearing_stream.wire.measurement import (
    Measurement,
    MeasurementAttributes,
    Unit,
    Window,
    WindowAttributes,
    encode_measurement,
    encode_window,
)
from bearing_stream.wire.reading import readable_headers
from bearing_stream.wire.remembering import RememberingDecoder
from bearing_stream.wire.rows import (
    DiagnosisRow,
    EvidenceRow,
    IndicatorsRow,
    InputRow,
    LatencyRow,
    LinesRow,
    ModelRow,
    SharesRow,
)
from bearing_stream.wire.samples import SAMPLE_DTYPES, SampleFormat
from bearing_stream.wire.timestamps import format_time

__all__ = [
    "SAMPLE_DTYPES",
    "DeadLetter",
    "Diagnosis",
    "DiagnosisRow",
    "ErrorHeaders",
    "Evidence",
    "EvidenceRow",
    "Headers",
    "Indicators",
    "IndicatorsRow",
    "Input",
    "InputRow",
    "Latency",
    "LatencyRow",
    "LinesRow",
    "Measurement",
    "MeasurementAttributes",
    "MeasurementLimits",
    "Message",
    "ModelInfo",
    "ModelRow",
    "PublishedDiagnosis",
    "Rejection",
    "RejectionReason",
    "RememberingDecoder",
    "SampleFormat",
    "SharesRow",
    "Unit",
    "Window",
    "WindowAttributes",
    "copy_windows",
    "decode_diagnosis",
    "decode_measurement",
    "decode_window",
    "diagnosis_id",
    "encode_diagnosis",
    "encode_measurement",
    "encode_window",
    "format_time",
    "is_window",
    "passed_on",
    "read_error_headers",
    "readable_headers",
]
