"""Polls the windows topic, and follows the group's rebalances."""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError, explain, is_fatal
from consumer import events
from consumer.batch import MAX_BYTES, KafkaMessage, Partition, Positions, size_of
from consumer.delivery.base import classify
from consumer.metrics import Metrics

OnGap = Literal["continue", "stop"]
"""What to do about windows that retention deleted before they were diagnosed."""

CHUNK: Final = 64
"""Messages taken before their sizes are checked."""

COMMITTED_TIMEOUT: Final = 5.0
"""Seconds to wait for the broker to return the committed offsets."""


class WindowSource:
    """The windows topic, as a member of a consumer group.

    All methods belong to one thread. `poll` calls the callbacks of `subscribe` on that thread.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        metrics: Metrics,
        on_error: Callable[[KafkaError], None],
        on_gap: OnGap = "continue",
    ) -> None:
        """Set up; `on_error` is called with each transient error that a message carries."""
        self._consumer = consumer
        self._topic = topic
        self._metrics = metrics
        self._on_error = on_error
        self._on_gap = on_gap
        self._owned: set[Partition] = set()
        self._next: Positions = {}
        self._first: Positions = {}
        self._sought: set[Partition] = set()
        self._deleted_until: Positions = {}
        self._undecodable: FatalKafkaError | None = None
        self.received = 0
        """Messages received since the start."""
        self._on_partitions_revoked: Callable[[], None] = lambda: None
        self._on_partitions_lost: Callable[[], None] = lambda: None

    def subscribe(
        self, on_partitions_revoked: Callable[[], None], on_partitions_lost: Callable[[], None]
    ) -> None:
        """Join the group.

        Args:
            on_partitions_revoked: Called before partitions are given up: finish and commit what is
                in flight. Also called by `close`. Must not raise what Kafka reports.
            on_partitions_lost: Called after partitions were lost: drop what is in flight, since
                another member may own it now. Not called where `on_partitions_revoked` is.
        """
        self._on_partitions_revoked = on_partitions_revoked
        self._on_partitions_lost = on_partitions_lost
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def poll(self, max_messages: int, timeout: float) -> list[KafkaMessage]:
        """Return messages as soon as there are any, or none after `timeout` seconds.

        Returns:
            At most `max_messages`, and fewer where they are large. They carry no error, and are
            the next ones of partitions that this member owns.

        Raises:
            TransientKafkaError: The broker does not return the committed offsets; rewind.
            FatalKafkaError: The group or the topic refuses this consumer, retention has deleted
                windows and `on_gap` is "stop", or messages cannot be decompressed.
        """
        if self._undecodable is not None:
            # Without this commit, every restart would repeat the windows before the bad message.
            self._on_partitions_revoked()
            raise self._undecodable
        # consume(n, timeout) would wait for all n.
        messages = self._consume(1, timeout)
        requested, more, size = 1, messages, size_of(messages)
        while len(more) == requested and len(messages) < max_messages and size < MAX_BYTES:
            requested = min(max_messages - len(messages), CHUNK)
            more = self._consume(requested, 0)
            messages = messages + more
            size += size_of(more)
        self.received += len(messages)
        self._note_beginnings(messages)
        self._sought.clear()
        return [message for message in messages if self._is_new(message)]

    def is_lagging(self) -> bool:
        """Whether the brokers are known to hold messages that were not polled yet."""
        for (topic, partition), position in self._next.items():
            watermarks = self._consumer.get_watermark_offsets(
                TopicPartition(topic, partition), cached=True
            )
            if watermarks is not None and watermarks[1] > position:
                return True
        return False

    def rewind(self) -> None:
        """Go back to the committed offsets: later messages are polled again.

        Raises:
            TransientKafkaError: The broker does not return the committed offsets now.
            FatalKafkaError: It refuses to.
        """
        try:
            for committed in self._committed(self._consumer.assignment()):
                partition = (committed.topic, committed.partition)
                if committed.offset < 0:
                    # Nothing was ever committed here: go back to where this consumer began.
                    committed.offset = self._first.get(partition, -1)
                if committed.offset >= 0:
                    self._consumer.seek(committed)
                    self._next[partition] = committed.offset
        except KafkaException as failure:
            raise classify(failure.args[0]) from None

    def positions(self) -> Positions:
        """The next offset of each owned partition, where it is known.

        Raises:
            TransientKafkaError: The broker does not return the committed offsets now.
            FatalKafkaError: It refuses to.
        """
        return self.committed(self._owned - self._next.keys()) | self._next

    def committed(self, partitions: Iterable[Partition]) -> Positions:
        """The group's offsets of those of the partitions that have one, whichever member owns them.

        Raises:
            TransientKafkaError: The broker does not return them now.
            FatalKafkaError: It refuses to.
        """
        requested = [TopicPartition(*partition) for partition in partitions]
        try:
            offsets = self._committed(requested) if requested else []
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        return {(one.topic, one.partition): one.offset for one in offsets if one.offset >= 0}

    def membership(self) -> Any:
        """The group metadata, with which Kafka checks that offsets are from a current member.

        Raises:
            TransientKafkaError: This consumer is not, or no longer, a member.
        """
        metadata = self._consumer.consumer_group_metadata()
        # Kafka accepts offsets unchecked if they claim no membership at all, and the client claims
        # none between losing its membership and calling `on_lost`. Checked after `metadata`: a
        # member at this point was one then, since joining again needs our next poll.
        if not self._consumer.memberid():
            raise TransientKafkaError("this consumer is no longer a member of the group")
        return metadata

    def commit(self, offsets: list[TopicPartition]) -> None:
        """Commit offsets synchronously; raises `KafkaException`."""
        for partition in self._consumer.commit(offsets=offsets, asynchronous=False) or ():
            if partition.error is not None:
                raise KafkaException(partition.error)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _consume(self, max_messages: int, timeout: float) -> list[KafkaMessage]:
        try:
            # In the client's own type every attribute is optional; only messages with an error
            # lack some.
            return cast("list[KafkaMessage]", self._consumer.consume(max_messages, timeout))
        except KafkaException as failure:
            raise FatalKafkaError(explain(failure.args[0])) from None

    def _committed(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """The group's committed offsets, negative where there is none; raises `KafkaException`."""
        offsets = self._consumer.committed(partitions, COMMITTED_TIMEOUT)
        for offset in offsets:
            if offset.error is not None:
                # An offset with an error is meaningless; it does not mean "never committed".
                raise KafkaException(offset.error)
        return offsets

    def _note_beginnings(self, messages: list[KafkaMessage]) -> None:
        """Fetch the committed offsets of the partitions whose first messages these are.

        The client begins where it can, and does not report if that is not the committed offset.
        """
        unknown = self._owned - self._next.keys()
        begun: Positions = {}
        for message in messages if unknown else ():
            partition = (message.topic(), message.partition())
            if message.error() is None and partition in unknown:
                begun.setdefault(partition, message.offset())
        if not begun:
            return
        # Set before the request, so that a rewind finds them if the broker does not respond now.
        self._first = begun | self._first
        try:
            offsets = self._committed([TopicPartition(*partition) for partition in begun])
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        for committed in offsets:
            partition = (committed.topic, committed.partition)
            if 0 <= committed.offset <= begun[partition]:
                self._next[partition] = committed.offset
            elif committed.offset > begun[partition]:
                events.emit(
                    events.COMMITTED_OFFSET_OUT_OF_RANGE,
                    topic=committed.topic,
                    partition=committed.partition,
                    committed=committed.offset,
                    starting_at=begun[partition],
                    detail="was the topic deleted and created again?",
                )

    def _is_new(self, message: KafkaMessage) -> bool:
        error = message.error()
        if error is not None:
            if is_fatal(error) or error.code() == KafkaError._FATAL:
                raise FatalKafkaError(explain(error))
            if error.code() == KafkaError._BAD_COMPRESSION:
                self._undecodable = _cannot_decompress(message, error)
            self._on_error(error)
            return False
        partition, offset = (message.topic(), message.partition()), message.offset()
        if partition not in self._owned or partition in self._sought:
            # Either the partition was revoked during this poll, and its next owner gets the
            # message too; or the source has sought to an earlier offset, and the message will be
            # polled again after those before it.
            return False
        expected = self._next.get(partition, offset)
        if offset < expected:
            self._note_repeated(partition, offset)
            return False
        if offset > expected and (log_start := self._log_start(partition)) > expected:
            self._note_gap(partition, expected, log_start)
            if offset > log_start:
                self._seek_back(partition, log_start)
                return False
        self._next[partition] = offset + 1
        return True

    def _log_start(self, partition: Partition) -> int:
        """The first offset that the partition still holds, according to the last fetch.

        A gap in the offsets is no loss by itself: a transaction marker takes an offset, and
        compaction removes some.
        """
        watermarks = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
        return watermarks[0] if watermarks is not None else 0

    def _note_gap(self, partition: Partition, expected: int, log_start: int) -> None:
        """Log and count offsets that were deleted before this group read them.

        Raises:
            FatalKafkaError: `on_gap` is "stop".
        """
        topic, number = partition
        if self._on_gap == "stop":
            raise FatalKafkaError(
                f"retention has deleted offsets {expected} to {log_start - 1} of partition {number}"
                f" of '{topic}' before they were diagnosed: keep windows longer (retention.ms, "
                "retention.bytes), and start with --on-gap continue to go on without them"
            )
        # Once, though a rewind may lead to the same gap again.
        expected = max(expected, self._deleted_until.get(partition, 0))
        if expected >= log_start:
            return
        self._deleted_until[partition] = log_start
        self._metrics.skipped += log_start - expected
        events.emit(
            events.OFFSETS_SKIPPED,
            topic=topic,
            partition=number,
            first=expected,
            last=log_start - 1,
            skipped=log_start - expected,
            detail="retention has deleted windows before they were diagnosed",
        )

    def _seek_back(self, partition: Partition, log_start: int) -> None:
        """Fetch what the client left out: with `start_from = latest` it goes to the end."""
        try:
            self._consumer.seek(TopicPartition(*partition, log_start))
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        self._next[partition] = log_start
        self._sought.add(partition)

    def _note_repeated(self, partition: Partition, offset: int) -> None:
        if not self._metrics.repeated:
            topic, number = partition
            events.emit(
                events.MESSAGES_REPEATED,
                topic=topic,
                partition=number,
                offset=offset,
                expected=self._next[partition],
                detail="was the topic deleted and created again?",
            )
        self._metrics.repeated += 1

    def _on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances += 1
        self._owned |= self._reset(partitions)

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances += 1
        self._on_partitions_revoked()
        self._owned -= self._reset(partitions)

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances += 1
        self._on_partitions_lost()
        self._owned -= self._reset(partitions)

    def _reset(self, partitions: Iterable[TopicPartition]) -> set[Partition]:
        """Drop the positions of these partitions."""
        affected = {(partition.topic, partition.partition) for partition in partitions}
        for partition in affected:
            self._next.pop(partition, None)
            self._first.pop(partition, None)
        return affected


def _cannot_decompress(message: KafkaMessage, error: KafkaError) -> FatalKafkaError:
    return FatalKafkaError(
        f"partition {message.partition()} of '{message.topic()}' holds messages that cannot be "
        "decompressed: if they are too large, raise receive.message.max.bytes (--kafka "
        "receive.message.max.bytes=...); otherwise skip them (kafka-consumer-groups.sh "
        f"--reset-offsets) — Kafka reports: {error}"
    )
