"""A steady feed of diagnoses, of machines whose faults come and go, for trials of `alarms`."""

import threading
import time
from typing import Any, Final

from confluent_kafka import KafkaError, Producer
from pydantic_core import to_json

from bearing_stream.alarms.times import EPOCH, from_microseconds, microseconds
from bearing_stream.kafka.connection import PARTITIONER, Properties
from bearing_stream.wire import format_time
from tools.chaos.errors import ChaosError
from tools.chaos.feed import KAFKA

SENSORS: Final = 30
"""Of which every third has faults."""

SPELL: Final = 40
"""Windows for which a fault is there, and then is not: 7 s."""

START: Final = microseconds(EPOCH.replace(year=2026, month=1, day=31))
"""Event time of the first window, µs since the epoch."""

STEP: Final = 170_667
"""µs that a window lasts."""

PAUSE: Final = 0.02
"""Seconds between two bursts of the steady feed."""

HEALTHY: Final = {"Ball": 1e-4, "InnerRace": 1e-4, "Normal": 0.9997, "OuterRace": 1e-4}
OUTER: Final = {"Ball": 0.01, "InnerRace": 0.01, "Normal": 0.012, "OuterRace": 0.968}
INNER: Final = {"Ball": 0.01, "InnerRace": 0.968, "Normal": 0.012, "OuterRace": 0.01}


def diagnosis(
    sensor: str, machine: str, window: int, probabilities: dict[str, float], windows: int = 1
) -> bytes:
    """Return the diagnosis of a measurement, which has `windows` windows from `window` on."""
    content: dict[str, Any] = {
        "window_id": f"{sensor}-{window}",
        "source": f"/plant/{machine}",
        "sensor": sensor,
        "measured_at": format_time(from_microseconds(START + window * STEP)),
        "probabilities": probabilities,
        "reasons": [],
        "evidence": {
            "outer_sigma": 0.1,
            "inner_sigma": 0.0,
            "ball_sigma": -0.1,
            "change_sigma": 0.9,
            "decided_by": "physics",
        },
        "windows": windows,
        "indicators": {"rms": 0.1, "peak": 0.4, "crest_factor": 4.0, "kurtosis": 3.0},
        "model": {"name": "bearing-cnn", "version": "0123456789ab"},
    }
    return to_json(content)


class AlarmFeed:
    """Sends diagnoses at a steady pace from `start` to `finish`.

    Attributes:
        sent: Diagnoses sent so far, those of `send` included.
    """

    def __init__(self, properties: Properties, topic: str, rate: float) -> None:
        """Get ready.

        Args:
            properties: Connection properties.
            topic: Of the diagnoses.
            rate: Diagnoses a second.
        """
        self.sent = 0
        self._steady = 0
        self._topic = topic
        self._rate = rate
        self._refused: list[KafkaError] = []
        self._producer = Producer(
            properties
            | KAFKA
            | {"enable.idempotence": True, "partitioner": PARTITIONER, "linger.ms": 5}
            | {"log_level": 0}
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def send(
        self, sensor: str, window: int, probabilities: dict[str, float], windows: int = 1
    ) -> None:
        """Send a diagnosis of a sensor that the steady feed does not have; see `diagnosis`."""
        machine = f"machine-of-{sensor}"
        self._produce(sensor, diagnosis(sensor, machine, window, probabilities, windows))

    def finish(self, count: int = 0) -> int:
        """Stop the feed, and send at once what is missing to a number of diagnoses.

        Returns:
            How many Kafka has acknowledged.

        Raises:
            ChaosError: Kafka refused some, so that this trial proves nothing.
        """
        self.abandon()
        while self.sent < count:
            self._send_next()
        if self._producer.flush(120) or self._refused:
            raise ChaosError(f"Kafka refused diagnoses: {self._refused[:1]}")
        return self.sent

    def abandon(self) -> None:
        """Stop the feed, without a check."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def flush(self) -> None:
        """Wait until Kafka has all that was sent before."""
        self._producer.flush(120)

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(PAUSE):
            due = int((time.monotonic() - began) * self._rate)
            while self._steady < due:
                self._send_next()

    def _send_next(self) -> None:
        window, number = divmod(self._steady, SENSORS)
        self._steady += 1
        faulty = number % 3 == 0 and (window + 7 * number) // SPELL % 2
        probabilities = (INNER if number % 2 else OUTER) if faulty else HEALTHY
        sensor = f"s-{number}"
        self._produce(sensor, diagnosis(sensor, f"machine-{number // 4}", window, probabilities))

    def _produce(self, sensor: str, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic, key=sensor.encode(), value=value, on_delivery=self._note
                )
                break
            except BufferError:
                self._producer.poll(0.1)
        self.sent += 1
        self._producer.poll(0)

    def _note(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._refused.append(error)
