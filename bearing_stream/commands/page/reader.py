"""The thread that follows the diagnoses topic and keeps the fleet up to date."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Message

from bearing_stream.commands.page.events import WAITING, emit
from bearing_stream.commands.page.fleet import Fleet
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.kafka import UNDECIDED_FOR, FatalKafkaError, TopicFollower, wait_for_topics
from bearing_stream.wire import decode_diagnosis, readable_headers

CHECK_INTERVAL: Final = 1.0
"""Seconds between two checks of the lag and of silence."""

BEHIND: Final = 3.0
"""Seconds: with diagnoses left to read, and the latest that was read older than this, the page
lags. Then nothing is known of what is silent."""

STOP_LIMIT: Final = 1.0
"""Seconds to wait for the end of a thread: more than a poll takes. While Kafka does not respond, it
is left alone, and ends with the process."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How up to date the fleet is."""

    kafka: str = ""
    """Why Kafka is unreachable; empty if it is reachable."""
    lag: int | None = None
    """Diagnoses and markers of transactions that are still to be read; None if not known."""
    behind: float = 0.0
    """Age in seconds of the latest diagnosis that was read, where others are still to be read."""
    undecided: float = 0.0
    """Seconds for which an open transaction has kept what follows it from being read."""
    rebuilt: float = 0.0
    """Share of the topic's past that has been read, from 0 to 1."""
    received: int = 0
    """Diagnoses so far."""
    unreadable: int = 0
    """Messages so far that are not diagnoses."""
    latest: float | None = None
    """Time of the latest diagnosis, seconds since the epoch."""

    @property
    def is_current(self) -> bool:
        """Whether everything in the topic is known."""
        is_read = self.behind < BEHIND and self.undecided < UNDECIDED_FOR
        return not self.kafka and self.rebuilt == 1 and is_read


class DiagnosisThread(threading.Thread):
    """Adds the committed diagnoses of the topic to a fleet.

    Attributes:
        progress: How up to date the fleet is.
        failure: The error that ended the thread, if one did.
    """

    def __init__(
        self, settings: PageSettings, fleet: Fleet, on_failure: Callable[[], None]
    ) -> None:
        """Prepare to read; `start` begins with diagnoses that are `settings.span` old.

        Args:
            settings: The connection, the topic, and how far back to begin.
            fleet: To keep up to date.
            on_failure: Called by the thread when it ends because of an error.
        """
        super().__init__(name="diagnoses", daemon=True)
        self.progress = Progress()
        self.failure: FatalKafkaError | None = None
        self._settings = settings
        self._fleet = fleet
        self._on_failure = on_failure
        self._stopping = threading.Event()
        self._received = self._unreadable = self._to_rebuild = 0
        self._latest: float | None = None
        self._reachable_since = 0.0

    def run(self) -> None:
        """Wait for the topic, then read until `stop`."""
        settings = self._settings
        try:
            wait_for_topics(
                settings.client_properties(),
                [settings.diagnoses_topic],
                settings.startup_timeout,
                self._note_waiting,
            )
            start = int((time.time() - settings.span) * 1000)
            with TopicFollower(
                settings, settings.diagnoses_topic, start, settings.span_messages
            ) as follower:
                checked = time.monotonic() - CHECK_INTERVAL
                while not self._stopping.is_set():
                    for message in follower.read():
                        self._add(message)
                    if time.monotonic() - checked >= CHECK_INTERVAL:
                        checked = time.monotonic()
                        self._check(follower)
        except FatalKafkaError as failure:
            self.failure = failure
            self._on_failure()

    def stop(self) -> None:
        """Stop reading; see `STOP_LIMIT`."""
        self._stopping.set()
        self.join(STOP_LIMIT)

    def _note_waiting(self, detail: str) -> None:
        self.progress = Progress(kafka=detail)
        emit(WAITING, detail=detail)

    def _add(self, message: Message) -> None:
        try:
            _, diagnosis = decode_diagnosis(readable_headers(message) or [], message.value())
        except ValueError:
            self._unreadable += 1
            return
        seen = message.timestamp()[1] / 1000
        if self.progress.is_current:
            # By this machine's clock, which may differ from that of the consumer.
            seen = time.time()
        # A time that cannot be represented is none of a measurement.
        with suppress(OverflowError):
            self._fleet.add(diagnosis, seen)
        self._received += 1
        self._latest = seen

    def _check(self, follower: TopicFollower) -> None:
        lag, now = follower.lag(), time.time()
        behind = max(0.0, now - self._latest) if lag and self._latest else 0.0
        self.progress = Progress(
            kafka=follower.connection_error,
            lag=lag,
            behind=behind,
            undecided=follower.undecided(),
            rebuilt=self._rebuilt(lag, behind),
            received=self._received,
            unreadable=self._unreadable,
            latest=self._latest,
        )
        if self.progress.kafka or self.progress.undecided >= BEHIND:
            # What is sent meanwhile cannot be read: nobody falls silent.
            self._reachable_since = now
        if self.progress.is_current:
            self._fleet.check_silence(now, self._reachable_since)

    def _rebuilt(self, lag: int | None, behind: float) -> float:
        if self.progress.rebuilt == 1 or lag is None:
            return self.progress.rebuilt
        self._to_rebuild = max(self._to_rebuild, lag)
        if lag == 0 or (self._received and behind < BEHIND):
            return 1.0
        return 1 - lag / self._to_rebuild
