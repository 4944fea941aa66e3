"""The loop of one receiver: read, filter, send until it is accepted, then commit."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from threading import Event
from typing import Final, Literal

from bearing_stream.commands.alarms.notify import events
from bearing_stream.commands.alarms.notify.filters import reason_to_omit
from bearing_stream.commands.alarms.notify.notification import Notification, Summary, of_event
from bearing_stream.commands.alarms.notify.pace import Backoff, RateLimit
from bearing_stream.commands.alarms.notify.receivers import Receiver
from bearing_stream.commands.alarms.notify.secret import redacted
from bearing_stream.commands.alarms.notify.senders import (
    PartlyRefusedError,
    RefusedError,
    Sender,
    UnavailableError,
)
from bearing_stream.commands.alarms.notify.source import Record, Source
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire.alarm import Alarm, AlarmEvent, decode

POLL: Final = 0.5
"""Seconds that a step waits at most."""

COMMIT_INTERVAL: Final = 5.0
"""Seconds between two commits of events that were not sent."""

RESTORE_RETRY: Final = 10.0
"""Seconds after which the table of alarms is read again where that failed."""

Count = Literal["accepted", "refused", "attempts", "omitted", "summarised", "unreadable"]

COUNTS: Final[tuple[Count, ...]] = (
    *("accepted", "refused", "attempts", "omitted", "summarised", "unreadable"),
)

Table = Callable[[frozenset[int]], Iterable[Alarm]]
"""Returns all alarms in some partitions."""


class ReceiverLoop:
    """Sends to one receiver what is for it, one after the other, each until it is accepted.

    Attributes:
        counts: What has become of the events so far.
    """

    def __init__(
        self,
        receiver: Receiver,
        sender: Sender,
        source: Source,
        limit: RateLimit,
        table: Table,
        stopping: Event,
        backoff: Callable[[], Backoff],
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Set up.

        Args:
            receiver: For whom.
            sender: The way to it.
            source: Of the events.
            limit: Of messages.
            table: Of alarms, for a sender that mirrors them.
            stopping: Ends `run` when it is set.
            backoff: Returns the pauses between attempts for one notification.
            clock: Monotonic seconds.
            wall_clock: Seconds since the epoch.
        """
        self.counts: Counter[Count] = Counter(dict.fromkeys(COUNTS, 0))
        self._receiver = receiver
        self._sender = sender
        self._source = source
        self._limit = limit
        self._table = table
        self._stopping = stopping
        self._backoff = backoff
        self._clock = clock
        self._wall_clock = wall_clock
        self._oldest: float | None = None
        self._unrefreshed: float | None = None
        self._summary: Summary | None = None
        self._summarised: dict[int, int] = {}
        self._restored = 0
        self._restore_at = 0.0
        self._commit_at = 0.0

    @property
    def lag(self) -> float:
        """Seconds since the oldest event that is being sent or waits for its summary was written.

        Or since what is sent again regularly was not accepted; 0 if all is sent. For any thread.
        """
        found = [since for since in (self._oldest, self._unrefreshed) if since is not None]
        return max(0.0, self._wall_clock() - min(found)) if found else 0.0

    def run(self) -> None:
        """Work until it is stopped.

        Raises:
            FatalKafkaError: Kafka refuses something.
        """
        while not self._stopping.is_set():
            self.step()
        self._source.commit()

    def step(self) -> None:
        """Take one event, or send a summary that is due, or wait for a moment."""
        if self._sender.mirrors:
            self._mirror()
        if self._summary is not None and not self._limit.wait():
            self._send_summary(self._summary)
            return
        record = self._source.next(POLL)
        if record is not None:
            self._take(record)
        elif self._clock() >= self._commit_at:
            self._commit()

    def _take(self, record: Record) -> None:
        try:
            event = decode(AlarmEvent, record.headers, record.value)
        except ValueError as error:
            self.counts["unreadable"] += 1
            if self.counts["unreadable"] == 1:
                where = {"partition": record.partition, "offset": record.offset}
                name, reason = self._receiver.name, str(error)
                events.emit(events.UNREADABLE, receiver=name, reason=reason, **where)
            self._skip(record)
            return
        if reason_to_omit(self._receiver, event):
            self.counts["omitted"] += 1
            self._skip(record)
        elif self._summary is not None or self._limit.wait():
            if self._summary is None:
                self._summary, self._oldest = Summary(), record.written_at
            self._summary.add(event)
            self._skip(record)
        else:
            self._oldest = record.written_at
            settled = self._deliver(of_event(event, record.value or b""), record.partition)
            self._oldest = None
            if settled:
                self._source.done(record.partition, record.offset)
                self._commit()

    def _skip(self, record: Record) -> None:
        """Note that an event needs no message of its own: at once, or with the summary."""
        if self._summary is not None:
            self._summarised[record.partition] = record.offset
            return
        self._source.done(record.partition, record.offset)
        if self._clock() >= self._commit_at:
            self._commit()

    def _commit(self) -> None:
        self._source.commit()
        self._commit_at = self._clock() + COMMIT_INTERVAL

    def _send_summary(self, summary: Summary) -> None:
        if not self._deliver(summary.notification(), None):
            return
        self.counts["summarised"] += summary.count
        events.emit(events.SUMMARISED, receiver=self._receiver.name, count=summary.count)
        for partition, offset in self._summarised.items():
            self._source.done(partition, offset)
        self._summary = self._oldest = None
        self._summarised = {}
        self._commit()

    def _deliver(self, notification: Notification, partition: int | None) -> bool:
        """Send until it is accepted or refused.

        Args:
            notification: What to send.
            partition: Of the event; None for a summary.

        Returns:
            Whether it is settled; if not, it is to be stopped, or the partition is another's.
        """
        backoff, attempts = self._backoff(), 0
        while True:
            failure = self._attempt(notification)
            if failure is None:
                if attempts:
                    name = self._receiver.name
                    events.emit(events.RECOVERED, receiver=name, attempts=attempts + 1)
                return True
            attempts += 1
            pause = backoff.pause(failure.retry_after)
            self._note_failure(failure, attempts, pause, notification)
            if not self._pause(pause, partition):
                return False

    def _attempt(self, notification: Notification) -> UnavailableError | None:
        """Send once; returns why the receiver did not accept, None if the matter is settled."""
        try:
            self._sender.send(notification)
        except UnavailableError as error:
            return error
        except RefusedError as error:
            self.counts["refused"] += 1
            self._note_refusal(error, notification)
        except PartlyRefusedError as error:
            self.counts["accepted"] += 1
            name = self._receiver.name
            fields = _named(notification)
            events.emit(events.PARTLY_REFUSED, receiver=name, reason=str(error), **fields)
        except Exception as error:
            # An error in one sender must not end the others.
            reason = redacted(str(error), self._receiver.secrets())
            return UnavailableError(f"unexpected {type(error).__name__}: {reason}")
        else:
            self.counts["accepted"] += 1
        self._limit.note()
        return None

    def _pause(self, seconds: float, partition: int | None) -> bool:
        """Wait in the group; returns whether the notification is still to be sent from here."""
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0:
            if self._stopping.is_set():
                return False
            self._source.keep(min(left, POLL))
            if partition is not None and partition not in self._source.partitions():
                return False
        return not self._stopping.is_set()

    def _mirror(self) -> None:
        """Read the table of alarms when the partitions have changed, and send what is due."""
        assignment, now = self._source.assignment, self._clock()
        if assignment != self._restored and now >= self._restore_at:
            try:
                self._sender.restore(self._table(self._source.partitions()))
                self._restored = assignment
            except FatalKafkaError as error:
                # That the user may read the table was checked at the start.
                self._restore_at = now + RESTORE_RETRY
                events.emit(events.KAFKA_ERROR, receiver=self._receiver.name, detail=str(error))
        try:
            self._sender.refresh()
            self._unrefreshed = None
        except UnavailableError as error:
            self._unrefreshed = self._unrefreshed or self._wall_clock()
            self._note_failure(error, 1, error.retry_after, None)
        except RefusedError as error:
            self._note_refusal(error, None)

    def _note_failure(
        self, error: UnavailableError, attempt: int, pause: float, about: Notification | None
    ) -> None:
        self.counts["attempts"] += 1
        events.emit(
            events.FAILED_ATTEMPT,
            receiver=self._receiver.name,
            reason=str(error),
            attempt=attempt,
            seconds=round(pause, 1),
            **_named(about),
        )

    def _note_refusal(self, error: RefusedError, about: Notification | None) -> None:
        name = self._receiver.name
        events.emit(events.REFUSED, receiver=name, reason=str(error), **_named(about))


def _named(notification: Notification | None) -> dict[str, str]:
    """Return the fields of the log that name a notification."""
    if notification is None:
        return {}
    if notification.event is None:
        return {"key": notification.key}
    return {"key": notification.key, "alarm_id": notification.event.alarm_id}
