"""Windows on the way of `consume`, without Kafka: encoded, decoded, assessed, and encoded again."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.alarms.observation import Observation, read
from bearing_stream.alarms.times import EPOCH
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from bearing_stream.wire import Headers, Measurement, Message, encode_measurement
from consumer.assessing import infer
from consumer.batch import Batch
from consumer.results import diagnoses
from model.assessor import Assessor
from tools.plant.recorded import Part

TOPIC: Final = "bearing.windows"


@dataclass(frozen=True, slots=True)
class Polled:
    """A message as the consumer polls it: the methods of `consumer.messages.KafkaMessage`."""

    sent: Message
    number: int

    def error(self) -> None:
        """It has none."""

    def topic(self) -> str:
        """The topic."""
        return TOPIC

    def partition(self) -> int:
        """The partition."""
        return 0

    def offset(self) -> int:
        """Its place in the partition."""
        return self.number

    def key(self) -> bytes | None:
        """The key."""
        return self.sent.key

    def value(self) -> bytes | None:
        """The value."""
        return self.sent.value

    def headers(self) -> Headers:
        """The headers."""
        return self.sent.headers

    def timestamp(self) -> tuple[int, int]:
        """Kind and time."""
        return (0, 0)

    def leader_epoch(self) -> None:
        """Not known."""


def diagnose(part: Part, assessor: Assessor) -> list[Observation]:
    """Return what the engine of alarms reads of the diagnosis of each window, in order."""
    batch = Batch(len(part.windows), 0.0)
    for number, samples in enumerate(part.windows):
        batch.add(Polled(_encoded(part, number, samples), number), 0.0)
    assert not batch.dead_letters, batch.dead_letters[0].detail
    made = diagnoses(batch, infer(batch, assessor), 0.0)
    return [read(message.value, number) for number, message in enumerate(made)]


def _encoded(part: Part, number: int, samples: NDArray[np.float32]) -> Message:
    return encode_measurement(
        Measurement(
            source=f"/{part.name}",
            id=f"{part.name}/{number:06d}",
            sensor=part.name,
            time=EPOCH + timedelta(seconds=number * WINDOW_LENGTH / SAMPLING_RATE),
            samples=samples,
            unit="g",
            shaft_speed=part.rpm if part.is_stated else None,
        )
    )
