"""A steady feed of windows while faults are injected."""

import threading
from dataclasses import dataclass
from typing import Final

from bearing_stream.config import load
from bearing_stream.kafka import TopicSettings
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from producer_sim import Sent, SimulatorSettings, open_streams, simulate
from producer_sim.streams import SensorStream
from tools.chaos.errors import ChaosError

KAFKA: Final = {
    # A broker may be gone for minutes; no window may time out.
    "message.timeout.ms": "1200000",
    "reconnect.backoff.max.ms": "200",
    "topic.metadata.refresh.interval.ms": "1000",
}


PURGED: Final = "_PURGE_"
"""Part of the error for a window that the simulator dropped itself when it was stopped."""


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """How the windows of the feed arrive."""

    rate: float = 1000.0
    """Windows a second, of all sensors together."""
    sensors: int = 64
    apart: int = 700
    """Windows between two faults, if the fault asks for no more; more arrive during a fault."""


class Feed:
    """Sends int16 windows of synthetic bearings at a steady pace from `start` to `finish`."""

    def __init__(
        self,
        topics: TopicSettings,
        pace: FeedSettings,
        streams: list[SensorStream] | None = None,
        run: str = "steady",
    ) -> None:
        """Get ready.

        Args:
            topics: The topics to send to.
            pace: The rate, and the number of sensors.
            streams: Those of a finished feed, since making them takes long; see `streams`.
            run: A prefix of every window's id, unique among the feeds of a trial.
        """
        given = topics.model_dump() | {
            "kafka": topics.kafka | KAFKA,
            "source": "synthetic",
            "sensors": pace.sensors,
            "loop": True,
            "sample_format": "int16",
            "run": run,
            "speed": pace.rate / pace.sensors * WINDOW_LENGTH / SAMPLING_RATE,
        }
        self._settings = load(SimulatorSettings, given)
        self.streams = open_streams(self._settings) if streams is None else streams
        """The signals; they can be reused for any number of feeds, one after the other."""
        self._stop = threading.Event()
        self._sent: Sent | None = None
        self.acknowledged = 0
        """Windows that Kafka had acknowledged a moment ago."""
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self, windows: int = 0) -> int:
        """Stop the feed, and send at once what is missing to a number of windows.

        Returns:
            The number of windows that Kafka has acknowledged.

        Raises:
            ChaosError: Kafka refused windows, so that this trial proves nothing.
        """
        self._stop.set()
        self._thread.join()
        if self._sent is None:
            raise ChaosError("the simulator ended in an error")
        acknowledged = _acknowledged(self._sent)
        if acknowledged >= windows:
            return acknowledged
        rest = self._settings.model_copy(
            update={
                "speed": float("inf"),
                "limit": windows - acknowledged,
                "run": f"{self._settings.run}-rest",
            }
        )
        return acknowledged + _acknowledged(simulate(rest, self.streams))

    def abandon(self) -> None:
        """Stop the feed, without a check."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        self._sent = simulate(self._settings, self.streams, self._stop, self._note)

    def _note(self, sent: Sent) -> None:
        self.acknowledged = sent.windows - sent.pending


def _acknowledged(sent: Sent) -> int:
    # The simulator drops what Kafka has not acknowledged some seconds after the end. These windows
    # are neither sent nor refused.
    refused = {reason: count for reason, count in sent.failures.items() if PURGED not in reason}
    if sent.fatal or refused:
        raise ChaosError(f"Kafka refused windows: {sent.fatal or refused}")
    return sent.windows
