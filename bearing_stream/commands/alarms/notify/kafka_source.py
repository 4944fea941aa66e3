"""Reads the events of alarms for one receiver, in a consumer group of its own."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Literal

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from bearing_stream.commands.alarms.notify.source import Record
from bearing_stream.kafka import (
    ClusterErrors,
    ConnectionSettings,
    FatalKafkaError,
    explain,
    is_fatal,
    new_client,
)
from bearing_stream.wire.reading import readable_headers

RETRY: Final = 1.0
"""Seconds between two attempts to commit."""

REQUEST: Final = 5.0
"""Seconds to wait for the offsets of a group or a topic, and for the response to a commit."""

SHORTEST_POLL, LONGEST_POLL = 0.001, 0.1
"""Seconds of a poll that awaits the response to a commit: a poll does not end when it has come."""

ERROR_INTERVAL: Final = 60.0
"""Seconds between two reports of the same kind of error."""

PREFETCH_KIB: Final = 1024
"""Memory for events fetched ahead: about a thousand."""

SESSION: Final = 10.0
"""Seconds without a heartbeat after which the group gives partitions to another process."""

LONGEST_ATTEMPT: Final = 600.0
"""Seconds between two polls, after which the group removes the consumer; well above the longest
timeout of an attempt."""

ACTIVE_GROUP: Final = frozenset(
    {
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)
"""Errors of a commit from outside a group that has members."""


class KafkaSource:
    """Reads the topic of events in a group.

    Nothing is committed but what is `done`. While messages wait for a receiver, the partitions are
    paused, and the client stays in its group.

    Attributes:
        assignment: Changes with the partitions; 0 before the group has assigned any.
        polled_at: Monotonic time of the latest poll. Whatever it waits for, it polls; between two
            polls there is an attempt to send.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        topic: str,
        group: str,
        start_from: Literal["latest", "earliest"],
        report: Callable[[str], None],
        stopping: threading.Event,
    ) -> None:
        """Create the client; nothing is read before `open`.

        Args:
            settings: The connection.
            topic: Of the events.
            group: Of the receiver.
            start_from: Where a group begins that is new.
            report: Takes the text of a transient error.
            stopping: Set when the process is to end.

        Raises:
            FatalKafkaError: A client property is invalid.
        """
        self.assignment = 0
        self.polled_at = time.monotonic()
        self._topic = topic
        self._start_from = start_from
        self._report = report
        self._stopping = stopping
        self._errors = ClusterErrors()
        self._consumer = _consumer(settings, group, self._errors, self._on_commit)
        self._owned: set[int] = set()
        # A partition stays paused in the client when it goes and comes back.
        self._paused: set[int] = set()
        self._done: dict[int, int] = {}
        self._refusal: KafkaError | None = None
        self._polled: deque[Message] = deque()
        self._reported: dict[int, float] = {}

    def open(self) -> None:
        """Join the group. One that is new begins now, or with the oldest event.

        Raises:
            FatalKafkaError: Kafka refuses.
        """
        while not self._stopping.is_set():
            try:
                self._commit_begin()
                break
            except KafkaException as failure:
                self._note(failure.args[0])
                self._stopping.wait(RETRY)
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def close(self) -> None:
        """Commit what is done, and leave the group."""
        self._consumer.close()

    def partitions(self) -> frozenset[int]:
        """Return the partitions that are read now."""
        return frozenset(self._owned)

    def next(self, timeout: float) -> Record | None:
        """Return the next message; None if there is none in time.

        Raises:
            FatalKafkaError: Kafka refuses access.
        """
        if held := self._paused & self._owned:
            self._consumer.resume(self._places(held))
            self._paused -= held
        if not self._polled:
            self._poll(timeout)
        while self._polled:
            message = self._polled.popleft()
            partition, offset = message.partition() or 0, message.offset() or 0
            if partition in self._owned:
                headers, value = readable_headers(message), message.value()
                return Record(partition, offset, headers, value, _written_at(message))
        return None

    def keep(self, seconds: float) -> None:
        """Stay in the group for some seconds without taking messages.

        Raises:
            FatalKafkaError: Kafka refuses access.
        """
        deadline = time.monotonic() + seconds
        while True:
            new = self._owned - self._paused
            if new:
                self._consumer.pause(self._places(new))
                self._paused |= new
            left = deadline - time.monotonic()
            if left <= 0:
                return
            # A partition that was added meanwhile may bring a message.
            self._poll(left)

    def done(self, partition: int, offset: int) -> None:
        """Note that the message at an offset, and those before it, need not be read again."""
        if partition in self._owned:
            self._done[partition] = offset + 1

    def commit(self) -> None:
        """Commit what is done; returns when Kafka has it, or when it is another's.

        It polls meanwhile. The client's own waiting commit does not, and so it would keep the group
        from rebalancing, and the process from stopping while Kafka is away.

        Raises:
            FatalKafkaError: Kafka refuses.
        """
        while self._done:
            self._refusal = None
            self._send_commit()
            self._await_commit()
            if self._refusal is not None:
                self._note(self._refusal)
            if self._done and self._stopping.is_set():
                return
            if self._done:
                self.keep(RETRY)

    def _send_commit(self) -> None:
        offsets = [TopicPartition(self._topic, *place) for place in self._done.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as failure:
            self._refusal = failure.args[0]

    def _await_commit(self) -> None:
        deadline, pause = time.monotonic() + REQUEST, SHORTEST_POLL
        while self._done and self._refusal is None and time.monotonic() < deadline:
            self._poll(pause)
            pause = min(2 * pause, LONGEST_POLL)

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Take the response to a commit; the client calls it in a poll."""
        for each in partitions:
            refusal = error or each.error
            if refusal is not None:
                self._refusal = refusal
            elif self._done.get(each.partition) == each.offset:
                del self._done[each.partition]

    def _commit_begin(self) -> None:
        """Commit where a new group begins, before anything can be missed.

        Partitions that are added later have no offset, and are read from their beginning.
        """
        partitions = self._consumer.list_topics(self._topic, REQUEST).topics[self._topic].partitions
        places = self._places(partitions)
        if any(each.offset >= 0 for each in self._consumer.committed(places, REQUEST)):
            return
        moment = OFFSET_END if self._start_from == "latest" else OFFSET_BEGINNING
        asked = [TopicPartition(self._topic, partition, moment) for partition in partitions]
        # Unlike a watermark, this end is that of what is committed.
        found = self._consumer.offsets_for_times(asked, REQUEST)
        for each in found:
            if each.error is not None:
                raise KafkaException(each.error)
        try:
            self._consumer.commit(offsets=found, asynchronous=False)
        except KafkaException as failure:
            # With members, another process has just done it.
            if failure.args[0].code() not in ACTIVE_GROUP:
                raise

    def _poll(self, timeout: float) -> None:
        self.polled_at = time.monotonic()
        message = self._consumer.poll(timeout)
        if message is not None:
            error = message.error()
            if error is None:
                self._polled.append(message)
            else:
                self._note(error)
        latest, self._errors.latest = self._errors.latest, None
        if latest is not None:
            self._note(latest)
        self._errors.raise_fatal()

    def _note(self, error: KafkaError) -> None:
        """Report a transient error, each kind once in a while; raise one that is fatal."""
        text = explain(error)
        if is_fatal(error):
            raise FatalKafkaError(text)
        now = time.monotonic()
        if now - self._reported.get(error.code(), -ERROR_INTERVAL) >= ERROR_INTERVAL:
            self._reported[error.code()] = now
            self._report(text)

    def _on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._owned |= _numbers(partitions)
        self.assignment += 1

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._done:
            # Sent before the request to join; there is no waiting in a rebalance.
            self._send_commit()
        self._on_lost(consumer, partitions)

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = _numbers(partitions)
        self._owned -= gone
        for partition in gone:
            self._done.pop(partition, None)
        self._polled = deque(each for each in self._polled if each.partition() not in gone)
        self.assignment += 1

    def _places(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]


def _written_at(message: Message) -> float | None:
    kind, milliseconds = message.timestamp()
    return None if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds / 1000


def _numbers(partitions: Iterable[TopicPartition]) -> set[int]:
    return {each.partition for each in partitions}


def _consumer(
    settings: ConnectionSettings,
    group: str,
    errors: ClusterErrors,
    on_commit: Callable[[KafkaError | None, list[TopicPartition]], None],
) -> Consumer:
    properties = settings.client_properties(
        session_timeout_ms=round(SESSION * 1000),
        max_poll_interval_ms=round(LONGEST_ATTEMPT * 1000),
        partition_assignment_strategy="cooperative-sticky",
        reconnect_backoff_max_ms=1000,
        # There is a client for each receiver, and each takes one event after the other.
        queued_max_messages_kbytes=PREFETCH_KIB,
    )
    # The guarantee rests on these.
    properties |= {
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "on_commit": on_commit,
        "error_cb": errors,
        "log_level": 0,
    }
    return new_client(Consumer, properties)
