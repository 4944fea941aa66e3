"""Diagnoses of rolling-element bearings from Kafka: the public names of this project.

These names are what a subscriber to the topics or a program that sends measurements needs. They
stay; everything else in the installed packages may change with any version. A subscriber, with the
Kafka client that it already has:

    from bearing_stream import decode_diagnosis
    from confluent_kafka import Consumer

    consumer = Consumer({"bootstrap.servers": "localhost:9092", "group.id": "maintenance",
                         "isolation.level": "read_committed"})
    consumer.subscribe(["bearing.diagnoses"])
    while True:
        if (message := consumer.poll(1.0)) and not message.error():
            _, diagnosis = decode_diagnosis(message.headers(), message.value())
            if diagnosis.prediction != "Normal" and diagnosis.quality == "good":
                print(diagnosis.sensor, diagnosis.prediction, diagnosis.probability)

Importing the package loads no other module: each name is imported at its first use, so that the
command line does not wait for NumPy and pydantic. No name needs torch or a Kafka client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bearing_stream.vocabulary import (
        FAULT_LABELS,
        QUALITY_FLAGS,
        SAMPLING_RATE,
        WINDOW_LENGTH,
        FaultLabel,
        QualityFlag,
    )
    from bearing_stream.wire import (
        DeadLetter,
        Diagnosis,
        ErrorHeaders,
        Evidence,
        Headers,
        Indicators,
        Input,
        Latency,
        Measurement,
        MeasurementAttributes,
        MeasurementLimits,
        Message,
        ModelInfo,
        Rejection,
        RejectionReason,
        SampleFormat,
        Unit,
        Window,
        WindowAttributes,
        decode_diagnosis,
        decode_measurement,
        decode_window,
        encode_measurement,
        encode_window,
        read_error_headers,
    )

__all__ = [
    "FAULT_LABELS",
    "QUALITY_FLAGS",
    "SAMPLING_RATE",
    "WINDOW_LENGTH",
    "DeadLetter",
    "Diagnosis",
    "ErrorHeaders",
    "Evidence",
    "FaultLabel",
    "Headers",
    "Indicators",
    "Input",
    "Latency",
    "Measurement",
    "MeasurementAttributes",
    "MeasurementLimits",
    "Message",
    "ModelInfo",
    "QualityFlag",
    "Rejection",
    "RejectionReason",
    "SampleFormat",
    "Unit",
    "Window",
    "WindowAttributes",
    "decode_diagnosis",
    "decode_measurement",
    "decode_window",
    "encode_measurement",
    "encode_window",
    "read_error_headers",
]

_IN_VOCABULARY: Final = {
    "FAULT_LABELS",
    "QUALITY_FLAGS",
    "SAMPLING_RATE",
    "WINDOW_LENGTH",
    "FaultLabel",
    "QualityFlag",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{'vocabulary' if name in _IN_VOCABULARY else 'wire'}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    """List the public names too, before their first use."""
    return sorted({*globals(), *__all__})
