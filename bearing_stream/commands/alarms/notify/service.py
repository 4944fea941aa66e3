"""Runs the loop of each receiver in a thread of its own, and stops them in time."""

import os
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Final

from bearing_stream.alarms.rules import SECOND
from bearing_stream.commands.alarms import reading
from bearing_stream.commands.alarms.notify import events
from bearing_stream.commands.alarms.notify.kafka_source import LONGEST_ATTEMPT, KafkaSource
from bearing_stream.commands.alarms.notify.loop import ReceiverLoop
from bearing_stream.commands.alarms.notify.pace import Backoff, RateLimit
from bearing_stream.commands.alarms.notify.reachability import Reachability
from bearing_stream.commands.alarms.notify.receivers import Messaging, Receiver
from bearing_stream.commands.alarms.notify.senders import Sender, sender_of
from bearing_stream.commands.alarms.notify.settings import NotifySettings
from bearing_stream.commands.alarms.notify.telemetry import NotifyTelemetry, Watched
from bearing_stream.kafka import FatalKafkaError, wait_for_topics
from bearing_stream.wire.alarm import Alarm
from consumer.telemetry.health import Phase
from consumer.telemetry.service_manager import reporting
from consumer.telemetry.serving import EndpointError

TICK: Final = 0.2
"""Seconds after which a signal, or the end of a receiver, is noticed."""

STOP_LIMIT: Final = 8.0
"""Seconds after a signal for messages in flight; the process ends within ten."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What serves one receiver."""

    receiver: Receiver
    sender: Sender
    source: KafkaSource
    loop: ReceiverLoop
    thread: threading.Thread

    @property
    def watched(self) -> Watched:
        """What metrics and health are taken from."""
        source = self.source
        return Watched(
            self.loop,
            joined=lambda: source.assignment > 0,
            seconds_since_poll=lambda: time.monotonic() - source.polled_at,
        )


def run(settings: NotifySettings, receivers: Iterable[Receiver]) -> int:
    """Notify until SIGTERM or SIGINT; for the main thread.

    Returns:
        The exit status: 1 if a fatal error ended it, which is logged.
    """
    service = NotifyService(settings, receivers)
    try:
        telemetry, asking = service.telemetry, service.reachability.asking()
        with telemetry.serving(settings), reporting(telemetry), asking:
            return service.run()
    except EndpointError as error:
        events.emit(events.FAILED, error=str(error))
        return 1


class NotifyService:
    """`bearing-stream alarms notify`, from start to stop.

    Attributes:
        telemetry: What it reports of itself.
        reachability: Whether Kafka responds.
    """

    def __init__(self, settings: NotifySettings, receivers: Iterable[Receiver]) -> None:
        """Set up; Kafka is not touched before `run`.

        Args:
            settings: All of them.
            receivers: To notify.
        """
        self._settings = settings
        self._receivers = tuple(receivers)
        self.reachability = Reachability(settings.client_properties(), settings.alarm_topics.events)
        self.telemetry = NotifyTelemetry(LONGEST_ATTEMPT, lambda: self.reachability.problem)
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._signal = 0

    def run(self) -> int:
        """Notify until SIGTERM or SIGINT; for the main thread.

        A second signal ends the process at once.

        Returns:
            The exit status: 1 if a fatal error ended it, which is logged.
        """
        parts: list[_Part] = []
        try:
            self._await_topics()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._on_signal)
            parts += map(self._part, self._receivers)
            for part in parts:
                part.source.open()
            self.telemetry.receivers = {part.receiver.name: part.watched for part in parts}
            self.telemetry.phase = Phase.RUNNING
            self._log_ready()
            for part in parts:
                part.thread.start()
            self._watch(parts)
        except FatalKafkaError as error:
            self._failure = error
        except KeyboardInterrupt:
            # While it waited for Kafka; nothing is in flight.
            self._signal = signal.SIGINT
        return self._end(parts)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._signal:
            os._exit(1)
        self._signal = number
        self._stopping.set()

    def _watch(self, parts: list[_Part]) -> None:
        """Report until it is to be stopped."""
        report_at = time.monotonic() + self._settings.report_interval
        # A signal that arrives in `wait` could find its lock taken, and wait for ever.
        while not self._stopping.is_set():
            time.sleep(TICK)
            if time.monotonic() >= report_at:
                _report(parts)
                report_at += self._settings.report_interval

    def _end(self, parts: list[_Part]) -> int:
        if self._signal:
            events.emit(events.STOPPING, signal=signal.Signals(self._signal).name)
        self._stopping.set()
        self.telemetry.phase = Phase.STOPPING
        deadline = time.monotonic() + STOP_LIMIT
        started = [part for part in parts if part.thread.ident is not None]
        for part in started:
            part.sender.stop()
        for part in started:
            part.thread.join(max(0.0, deadline - time.monotonic()))
        _report(parts)
        if isinstance(self._failure, FatalKafkaError):
            events.emit(events.FAILED, error=str(self._failure))
        elif self._failure is not None:
            error = f"unexpected {type(self._failure).__name__}"
            events.emit(events.FAILED, error=error, exc_info=self._failure)
        status = 0 if self._failure is None else 1
        busy = [part.receiver.name for part in started if part.thread.is_alive()]
        if busy:
            events.emit(events.ABANDONED, receivers=busy)
            # The threads of the others are in calls that do not return.
            os._exit(status)
        events.emit(events.STOPPED)
        return status

    def _part(self, receiver: Receiver) -> _Part:
        settings, name = self._settings, receiver.name
        source = KafkaSource(
            settings,
            settings.alarm_topics.events,
            settings.group_of(name),
            receiver.start_from,
            lambda detail: events.emit(events.KAFKA_ERROR, receiver=name, detail=detail),
            self._stopping,
        )
        sender = sender_of(receiver)
        loop = ReceiverLoop(
            receiver,
            sender,
            source,
            RateLimit(receiver.per_minute if isinstance(receiver, Messaging) else None),
            partial(_table, settings),
            self._stopping,
            partial(Backoff, receiver.longest_pause / SECOND),
        )
        thread = threading.Thread(
            target=self._serve, args=(loop, source), name=f"receiver {name}", daemon=True
        )
        return _Part(receiver, sender, source, loop, thread)

    def _serve(self, loop: ReceiverLoop, source: KafkaSource) -> None:
        """Run a loop in its thread; what ends it ends the process."""
        try:
            loop.run()
            source.close()
        except BaseException as error:
            self._failure = error
            self._stopping.set()

    def _await_topics(self) -> None:
        settings = self._settings
        topics = {settings.alarm_topics.events}
        if any(receiver.kind == "alertmanager" for receiver in self._receivers):
            topics.add(settings.alarm_topics.alarms)
        for receiver in self._receivers:
            wait_for_topics(
                settings.client_properties(),
                sorted(topics),
                settings.startup_timeout,
                self._note_waiting,
                "start `bearing-stream alarms` with --create-topics",
                group=settings.group_of(receiver.name),
            )

    def _note_waiting(self, reason: str) -> None:
        self.telemetry.waiting_for = reason
        events.emit(events.WAITING, reason=reason)

    def _log_ready(self) -> None:
        names = [receiver.name for receiver in self._receivers]
        events.emit(events.READY, receivers=names, settings=self._settings.printable())


def _report(parts: Iterable[_Part]) -> None:
    for part in parts:
        counts = {str(name): count for name, count in part.loop.counts.items()}
        events.emit(events.REPORT, receiver=part.receiver.name, **counts)


def _table(settings: NotifySettings, partitions: frozenset[int]) -> Iterable[Alarm]:
    """Return all alarms in some partitions."""
    rows = reading.table(settings).values() if partitions else ()
    return [row.alarm for row in rows if row.partition in partitions]
