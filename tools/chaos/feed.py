"""Windows that keep coming while things break."""

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
    # A broker may be gone for minutes; no window is given up.
    "message.timeout.ms": "1200000",
    "reconnect.backoff.max.ms": "200",
    "topic.metadata.refresh.interval.ms": "1000",
}


GIVEN_UP: Final = "_PURGE_"
"""In the reasons for which the simulator itself, told to stop, has not sent a window."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast windows come."""

    rate: float = 1000.0
    """Windows a second, of all sensors together."""
    sensors: int = 64
    apart: int = 700
    """Windows from one fault to the next, where nothing else is said; more come meanwhile."""


class Feed:
    """Sends int16 windows of made-up bearings at a steady pace from `start` to `finish`."""

    def __init__(
        self, topics: TopicSettings, pace: Pace, streams: list[SensorStream] | None = None
    ) -> None:
        """Get ready.

        Args:
            topics: Where to.
            pace: How fast, and from how many.
            streams: From another feed that is over, to spare making them; see `streams`.
        """
        given = topics.model_dump() | {
            "kafka": topics.kafka | KAFKA,
            "source": "synthetic",
            "sensors": pace.sensors,
            "loop": True,
            "sample_format": "int16",
            "run": "steady",
            "speed": pace.rate / pace.sensors * WINDOW_LENGTH / SAMPLING_RATE,
        }
        self._settings = load(SimulatorSettings, given)
        self.streams = open_streams(self._settings) if streams is None else streams
        """Made once, and good for any number of feeds, one after the other."""
        self._stop = threading.Event()
        self._sent: Sent | None = None
        self.taken = 0
        """Windows that Kafka had taken a moment ago."""
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self, windows: int = 0) -> int:
        """Send no more, or, quickly, what is missing to a number; how many Kafka has taken.

        Raises:
            ChaosError: Windows were not taken, so that nothing can be said of this trial.
        """
        self._stop.set()
        self._thread.join()
        if self._sent is None:
            raise ChaosError("the simulator ended in an error")
        taken = _taken(self._sent)
        if taken >= windows:
            return taken
        rest = self._settings.model_copy(
            update={"speed": float("inf"), "limit": windows - taken, "run": "rest"}
        )
        return taken + _taken(simulate(rest, self.streams))

    def abandon(self) -> None:
        """Send no more, whatever became of the rest."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        self._sent = simulate(self._settings, self.streams, self._stop, self._note)

    def _note(self, sent: Sent) -> None:
        self.taken = sent.windows - sent.pending


def _taken(sent: Sent) -> int:
    # What a slow Kafka had not answered for some seconds after the end was given up: not taken.
    refused = {reason: count for reason, count in sent.failures.items() if GIVEN_UP not in reason}
    if sent.fatal or refused:
        raise ChaosError(f"Kafka did not take all windows: {sent.fatal or refused}")
    return sent.windows
