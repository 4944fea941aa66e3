"""Polls the windows topic, and follows the group's rebalances."""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, cast

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from bearing_stream.kafka import FatalKafkaError, explain, is_fatal
from consumer.batch import MOST_BYTES, KafkaMessage, Partition, Positions, size_of
from consumer.delivery.base import Undelivered, verdict
from consumer.metrics import Metrics

OnGap = Literal["continue", "stop"]
"""What to do about windows that retention deleted before they were diagnosed."""

AT_A_TIME: Final = 64
"""Messages taken before looking at how large they were."""

COMMITTED_TIMEOUT: Final = 5.0
"""Seconds to wait for the broker to tell the committed offsets."""


class WindowSource:
    """The windows topic, as a member of a consumer group."""

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        metrics: Metrics,
        on_error: Callable[[KafkaError], None],
        on_gap: OnGap = "continue",
    ) -> None:
        """Set up; `on_error` is told of errors that pass."""
        self._consumer = consumer
        self._topic = topic
        self._metrics = metrics
        self._on_error = on_error
        self._on_gap = on_gap
        self._owned: set[Partition] = set()
        self._next: Positions = {}
        self._first: Positions = {}
        self._sought: set[Partition] = set()
        self._gone: Positions = {}
        self._broken: FatalKafkaError | None = None
        self.received = 0
        """Messages that ever came."""
        self._drain: Callable[[], None] = lambda: None
        self._forget: Callable[[], None] = lambda: None
        self._log = structlog.get_logger("consumer")

    def subscribe(self, drain: Callable[[], None], forget: Callable[[], None]) -> None:
        """Join the group.

        Args:
            drain: Called before partitions go: finish and commit what is in flight.
            forget: Called after partitions were lost: what is in flight is another's now.
        """
        self._drain, self._forget = drain, forget
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def poll(self, most: int, timeout: float) -> list[KafkaMessage]:
        """At most `most` messages, fewer if large, as soon as there is one, or none in `timeout` s.

        Raises:
            Undelivered: The broker does not tell where the group was; wind back.
            FatalKafkaError: The group or the topic refuses this consumer, retention has deleted
                windows and we are to stop then, or messages cannot be unpacked.
        """
        if self._broken is not None:
            # Or what came before it would be done again at every start.
            self._drain()
            raise self._broken
        # consume(n, timeout) would wait for all n.
        messages = self._consume(1, timeout)
        asked, more, size = 1, messages, size_of(messages)
        while len(more) == asked and len(messages) < most and size < MOST_BYTES:
            asked = min(most - len(messages), AT_A_TIME)
            more = self._consume(asked, 0)
            messages = messages + more
            size += size_of(more)
        self.received += len(messages)
        self._note_beginnings(messages)
        self._sought.clear()
        return [message for message in messages if self._is_new(message)]

    def behind(self) -> bool:
        """Whether the brokers are known to hold messages that have not come yet."""
        for (topic, partition), position in self._next.items():
            watermarks = self._consumer.get_watermark_offsets(
                TopicPartition(topic, partition), cached=True
            )
            if watermarks is not None and watermarks[1] > position:
                return True
        return False

    def rewind(self) -> None:
        """Go back to the committed offsets: what was polled since then comes again.

        Raises:
            Undelivered: The broker does not tell the committed offsets now.
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
            raise verdict(failure.args[0]) from None

    def positions(self) -> Positions:
        """Where the next message is expected, of each partition where that is known.

        Raises:
            Undelivered: The broker does not tell the committed offsets now.
            FatalKafkaError: It refuses to.
        """
        return self.committed(self._owned - self._next.keys()) | self._next

    def committed(self, partitions: Iterable[Partition]) -> Positions:
        """The group's offsets of those of these partitions that have one, whoever they belong to.

        Raises:
            Undelivered: The broker does not tell them now.
            FatalKafkaError: It refuses to.
        """
        asked = [TopicPartition(*partition) for partition in partitions]
        try:
            answers = self._committed(asked) if asked else []
        except KafkaException as failure:
            raise verdict(failure.args[0]) from None
        return {(one.topic, one.partition): one.offset for one in answers if one.offset >= 0}

    def membership(self) -> Any:
        """What Kafka checks before it takes offsets of a transaction: that we are in the group.

        Raises:
            Undelivered: We are not, or not any more.
        """
        metadata = self._consumer.consumer_group_metadata()
        # Kafka takes offsets unchecked from whoever claims no membership at all, and that is what
        # the client says between losing its membership and telling us. Asked after `metadata`:
        # whoever is a member now was one then, since joining again needs our next poll.
        if not self._consumer.memberid():
            raise Undelivered("the group has put this consumer out")
        return metadata

    def commit(self, offsets: list[TopicPartition]) -> None:
        """Commit offsets and wait for the answer; raises `KafkaException`."""
        for partition in self._consumer.commit(offsets=offsets, asynchronous=False) or ():
            if partition.error is not None:
                raise KafkaException(partition.error)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _consume(self, most: int, timeout: float) -> list[KafkaMessage]:
        try:
            # The client's own type allows for what only messages with an error lack.
            return cast("list[KafkaMessage]", self._consumer.consume(most, timeout))
        except KafkaException as failure:
            raise FatalKafkaError(explain(failure.args[0])) from None

    def _committed(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """The group's committed offsets, negative where there is none; raises `KafkaException`."""
        answers = self._consumer.committed(partitions, COMMITTED_TIMEOUT)
        for answer in answers:
            if answer.error is not None:
                # Its offset says nothing; "never committed" it does not mean.
                raise KafkaException(answer.error)
        return answers

    def _note_beginnings(self, messages: list[KafkaMessage]) -> None:
        """Of partitions that begin with these messages, find out where they were to begin.

        The client goes where it can, and does not tell when that is not where the group was.
        """
        unknown = self._owned - self._next.keys()
        begun: Positions = {}
        for message in messages if unknown else ():
            partition = (message.topic(), message.partition())
            if message.error() is None and partition in unknown:
                begun.setdefault(partition, message.offset())
        if not begun:
            return
        # First, so that winding back finds them if the broker does not answer now.
        self._first = begun | self._first
        try:
            answers = self._committed([TopicPartition(*partition) for partition in begun])
        except KafkaException as failure:
            raise verdict(failure.args[0]) from None
        for answer in answers:
            partition = (answer.topic, answer.partition)
            if 0 <= answer.offset <= begun[partition]:
                self._next[partition] = answer.offset
            elif answer.offset > begun[partition]:
                self._log.warning(
                    "the partition ended before the committed offset: made anew, or cut off?",
                    partition=partition,
                    committed=answer.offset,
                    beginning_at=begun[partition],
                )

    def _is_new(self, message: KafkaMessage) -> bool:
        error = message.error()
        if error is not None:
            if is_fatal(error) or error.code() == KafkaError._FATAL:
                raise FatalKafkaError(explain(error))
            if error.code() == KafkaError._BAD_COMPRESSION:
                self._broken = _cannot_unpack(message, error)
            self._on_error(error)
            return False
        partition, offset = (message.topic(), message.partition()), message.offset()
        if partition not in self._owned or partition in self._sought:
            # Its partition went inside the same poll, and the next owner gets it too; or it comes
            # again, after what is between.
            return False
        expected = self._next.get(partition, offset)
        if offset < expected:
            self._pass_over(partition, offset)
            return False
        if offset > expected and (begins := self._begins(partition)) > expected:
            self._note_gap(partition, expected, begins)
            if offset > begins:
                self._seek_back(partition, begins)
                return False
        self._next[partition] = offset + 1
        return True

    def _begins(self, partition: Partition) -> int:
        """The first offset that the partition still holds, as the last fetch told it.

        Offsets that do not come are no loss by themselves: a transaction's marker takes one, and
        compaction leaves some out.
        """
        watermarks = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
        return watermarks[0] if watermarks is not None else 0

    def _note_gap(self, partition: Partition, expected: int, begins: int) -> None:
        """Tell of offsets that were deleted before this group came to them.

        Raises:
            FatalKafkaError: We are to stop then.
        """
        topic, number = partition
        if self._on_gap == "stop":
            raise FatalKafkaError(
                f"retention has deleted offsets {expected} to {begins - 1} of partition {number} "
                f"of '{topic}' before they were diagnosed: keep windows longer (retention.ms, "
                "retention.bytes), and start with --on-gap continue to go on without them"
            )
        # Once, though winding back may come here again.
        expected = max(expected, self._gone.get(partition, 0))
        if expected >= begins:
            return
        self._gone[partition] = begins
        self._metrics.skipped += begins - expected
        self._log.error(
            "retention has deleted windows before they were diagnosed; going on after them",
            topic=topic,
            partition=number,
            first=expected,
            last=begins - 1,
            skipped=begins - expected,
        )

    def _seek_back(self, partition: Partition, begins: int) -> None:
        """Fetch what the client left out: with `start_from = latest` it goes to the end."""
        try:
            self._consumer.seek(TopicPartition(*partition, begins))
        except KafkaException as failure:
            raise verdict(failure.args[0]) from None
        self._next[partition] = begins
        self._sought.add(partition)

    def _pass_over(self, partition: Partition, offset: int) -> None:
        if not self._metrics.repeated:
            self._log.warning(
                "messages come again and are passed over; was the topic made anew?",
                partition=partition,
                offset=offset,
                expected=self._next[partition],
            )
        self._metrics.repeated += 1

    def _on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances += 1
        self._owned |= self._start_over(partitions)

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances += 1
        self._drain()
        self._owned -= self._start_over(partitions)

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances += 1
        self._forget()
        self._owned -= self._start_over(partitions)

    def _start_over(self, partitions: Iterable[TopicPartition]) -> set[Partition]:
        """Forget all that was known of these partitions."""
        concerned = {(partition.topic, partition.partition) for partition in partitions}
        for partition in concerned:
            self._next.pop(partition, None)
            self._first.pop(partition, None)
        return concerned


def _cannot_unpack(message: KafkaMessage, error: KafkaError) -> FatalKafkaError:
    return FatalKafkaError(
        f"partition {message.partition()} of '{message.topic()}' holds what cannot be unpacked: "
        "raise receive.message.max.bytes (--kafka receive.message.max.bytes=...) if it is so "
        f"large, or pass over it (kafka-consumer-groups.sh --reset-offsets) — Kafka said: {error}"
    )
