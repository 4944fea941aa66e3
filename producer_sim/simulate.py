"""The simulation: send every measurement at its time, until the end, a limit or a stop."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from bearing_stream.kafka import FatalKafkaError, create_topics, wait_for_topics
from bearing_stream.kafka.connection import Properties
from producer_sim.encoding import StreamEncoder
from producer_sim.malformed import MalformedMix
from producer_sim.schedule import DueMeasurement, Pace, interleave
from producer_sim.sender import PRODUCER_PROPERTIES, SendCounts, Sender
from producer_sim.settings import SimulatorSettings
from producer_sim.streams import SensorStream

STOP_CHECK_INTERVAL: Final = 0.1
"""Seconds between two checks of `stop` while waiting for the next measurement."""

TICK: Final = 0.001
"""Resolution of the client's clock in seconds: a measurement is due when less than that remains."""

PROGRESS_PERIOD: Final = 0.1
"""Seconds between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The counts of a simulation, at its end or while it runs.

    At the end every message is either delivered (acknowledged by all in-sync replicas) or failed.
    """

    windows: int
    """Good measurements delivered, or still pending; plain windows by default."""
    malformed: dict[str, int]
    """Malformed messages delivered, or still pending, by kind."""
    failed: int
    """Messages of both classes that were not delivered, or whose outcome is unknown: if its
    acknowledgement was lost, a message can be in the topic all the same."""
    failures: dict[str, int]
    """The failed messages by Kafka's reason."""
    pending: int
    """Messages in flight; 0 at the end. Before that the client's unread notices count too."""
    sensors: int
    seconds: float
    """Since the first measurement was due."""
    lateness: float
    """Seconds by which the latest measurement was sent after its time; 0 at `--speed max`."""
    fatal: str = ""
    """Why the simulation could not continue, and what to do; or empty."""

    @property
    def rate(self) -> float:
        """Good measurements per second, on average."""
        return self.windows / self.seconds if self.seconds > 0 else 0.0

    @property
    def complete(self) -> bool:
        """Whether every message was delivered."""
        return not (self.failed or self.pending or self.fatal)


class Simulation:
    """Sends the measurements of streams when they are due, and counts them.

    Args:
        settings: Speed, limit and format.
        streams: One for each sensor.
        sender: Produces the messages.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        streams: Sequence[SensorStream],
        sender: Sender,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._streams = streams
        self._sender = sender
        self._encoders = {id(stream): StreamEncoder(stream, settings) for stream in streams}
        self._mix = MalformedMix(settings.malformed, settings.seed)
        self._start = settings.start_time or datetime.now(UTC)
        self._pace = Pace(settings.speed, clock)
        self._lateness = 0.0
        self._windows = sender.new_counts()
        self._malformed: defaultdict[str, SendCounts] = defaultdict(sender.new_counts)

    def run(self, stop: threading.Event, on_progress: Callable[[Sent], None]) -> Sent:
        """Send until the streams end, the limit is reached or `stop` is set; then flush.

        Calls `on_progress` before it sends anything, and then a few times per second.
        """
        on_progress(self.sent())
        fatal = ""
        next_report = 0.0
        try:
            for due in islice(interleave(self._streams), self._settings.limit):
                self._wait_for(due.offset, stop)
                if stop.is_set():
                    break
                self._send(due, stop)
                if self._pace.elapsed() >= next_report:
                    on_progress(self.sent())
                    next_report = self._pace.elapsed() + PROGRESS_PERIOD
        except FatalKafkaError as failure:
            fatal = str(failure)
        pending = self._sender.flush(stop)
        sent = replace(self.sent(), fatal=fatal, pending=pending)
        on_progress(sent)
        return sent

    def sent(self) -> Sent:
        """The present counts."""
        failures = sum(
            (counts.failures for counts in self._malformed.values()), self._windows.failures
        )
        return Sent(
            windows=self._windows.delivered,
            malformed={kind: counts.delivered for kind, counts in self._malformed.items()},
            failed=failures.total(),
            failures=dict(failures),
            pending=len(self._sender),
            sensors=len(self._streams),
            seconds=self._pace.elapsed(),
            lateness=self._lateness,
        )

    def _wait_for(self, offset: float, stop: threading.Event) -> None:
        self._sender.poll(0)
        remaining = self._pace.remaining(offset)
        while remaining >= TICK and not stop.is_set():
            self._sender.poll(min(remaining, STOP_CHECK_INTERVAL))
            remaining = self._pace.remaining(offset)
        self._lateness = max(0.0, -remaining)

    def _send(self, due: DueMeasurement, stop: threading.Event) -> None:
        encoder = self._encoders[id(due.stream)]
        time = self._start + timedelta(seconds=due.offset)
        self._sender.send(encoder.encode(due.number, time, due.samples), self._windows, stop)
        if self._settings.malformed:
            malformed = self._mix.draw(encoder.measurement(due.number, time, due.samples))
            if malformed is not None:
                kind, message = malformed
                self._sender.send(message, self._malformed[kind], stop)


def simulate(
    settings: SimulatorSettings,
    streams: Sequence[SensorStream],
    stop: threading.Event | None = None,
    on_progress: Callable[[Sent], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> Sent:
    """Replay streams into Kafka.

    Args:
        settings: How fast, how much, in which form and to which cluster.
        streams: One for each sensor, with samples in the settings' format (see `open_streams`).
        stop: Set it to end early: messages already accepted are still delivered, for a few seconds.
        on_progress: Called with the counts before the first message is sent, and then a few times
            per second.
        warn: Called with the reasons for waiting for the cluster, and with its transient errors.

    Returns:
        The counts at the end. Check `complete`: failures are counted, not raised.

    Raises:
        FatalKafkaError: The cluster is unreachable, refuses this user or lacks the topic.
    """
    topic = settings.windows_topic
    properties: Properties = {
        **PRODUCER_PROPERTIES,
        **settings.client_properties(client_id="bearing-stream-simulator"),
    }
    if settings.create_topics:
        wait_for_topics(properties, [], settings.startup_timeout, warn)
        create_topics(properties, {topic: settings.partitions})
    otherwise = "add --create-topics"
    wait_for_topics(properties, [], settings.startup_timeout, warn, otherwise, written=[topic])
    stop = stop or threading.Event()
    sender = Sender(properties, topic, warn)
    # The schedule starts when it is constructed, so only when its first message can be sent.
    sender.connect(stop, settings.startup_timeout)
    return Simulation(settings, streams, sender).run(stop, on_progress)
