"""Diagnoses and measurements for a page on a real Kafka."""

import threading
import time
from typing import Any, Final

import numpy as np
from confluent_kafka import Producer

from bearing_stream.wire import (
    Diagnosis,
    Measurement,
    PublishedDiagnosis,
    encode_diagnosis,
    encode_measurement,
    format_time,
)
from tests.bearing_stream.commands.page.examples import NOON, diagnosis, evidence, indicators
from tests.kafka_tools import Topics, read_to_end

FLEET: Final = 200

FAULTY: Final = "bearing-0077"
"""A sensor that the shipped table of sensors knows."""


def now() -> float:
    """Seconds after `NOON`."""
    return time.time() - NOON


def encoded(found: Diagnosis) -> Any:
    """Return the message of a diagnosis."""
    published = PublishedDiagnosis.model_validate(found.model_dump())
    made = format_time(found.measured_at)
    return encode_diagnosis(published, f"d-{found.window_id}", made, [])


def send(producer: Producer, topic: str, *found: Diagnosis) -> None:
    """Publish diagnoses; a sensor's are in one partition."""
    for each in found:
        message = encoded(each)
        producer.produce(topic, message.value, message.key, headers=message.headers)
    assert producer.flush(30) == 0


def normal(sensor: str, at: float) -> Diagnosis:
    values: dict[str, Any] = {
        "evidence": evidence(),
        "indicators": indicators(1 + 0.1 * (at % 5)),
        "unit": "g",
    }
    return diagnosis(sensor, at=at, source=f"/plant-1/{sensor}", **values)


class Feed:
    """Publishes a diagnosis of each sensor of a fleet twice a second, until its block ends."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        producer = Producer({"bootstrap.servers": self._topics.servers})
        while not self._stopping.wait(0.5):
            names = [f"bearing-{number:04}" for number in range(FLEET)]
            fleet = [normal(name, now()) for name in names if name != FAULTY]
            send(producer, self._topics.diagnoses, *fleet)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()


def send_measurement(topics: Topics) -> dict[str, Any]:
    """Send a second of the sensor that becomes faulty at 48 kHz, and return where it is."""
    rng = np.random.default_rng(0)
    samples = rng.normal(size=48_000) + 3 * np.sin(2 * np.pi * 3000 * np.arange(48_000) / 48_000)
    message = encode_measurement(
        Measurement(
            source=f"/plant-1/{FAULTY}",
            id="measured",
            sensor=FAULTY,
            time=normal(FAULTY, now()).measured_at,
            samples=samples,
            sampling_rate=48_000,
            unit="g",
        )
    )
    producer = Producer({"bootstrap.servers": topics.servers})
    headers: Any = message.headers
    producer.produce(topics.windows, message.value, message.key, 0, headers=headers)
    assert producer.flush(30) == 0
    [written] = read_to_end(topics.servers, topics.windows)
    return {"topic": topics.windows, "partition": 0, "offset": written.offset()}


def faulty(later: float, place: dict[str, Any]) -> Diagnosis:
    """Return the diagnosis of a fault in a measurement."""
    return diagnosis(
        FAULTY,
        "OuterRace",
        at=now() + later,
        source=f"/plant-1/{FAULTY}",
        evidence=evidence(outer=7.5),
        indicators=indicators(4.0),
        window_id="measured",
        input=place,
        unit="g",
    )
