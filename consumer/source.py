"""Polls the windows topic, and follows the group's rebalances."""

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.batch import KafkaMessage, Partition, Positions
from consumer.delivery import Undelivered, verdict
from consumer.metrics import Metrics
from kafka_client import FatalKafkaError, explain, is_fatal

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
    ) -> None:
        """Set up; `on_error` is told of errors that pass."""
        self._consumer = consumer
        self._topic = topic
        self._metrics = metrics
        self._on_error = on_error
        self._owned: set[Partition] = set()
        self._next: Positions = {}
        self._first: Positions = {}
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
        """At most `most` messages, as soon as there is one; none after `timeout` seconds.

        Raises:
            FatalKafkaError: The group or the topic refuses this consumer.
        """
        # consume(n, timeout) would wait for all n.
        messages = self._consume(1, timeout)
        if messages and most > 1:
            messages += self._consume(most - 1, 0)
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
        assigned = self._consumer.assignment()
        try:
            for committed in self._consumer.committed(assigned, COMMITTED_TIMEOUT):
                if committed.error is not None:
                    # Its offset says nothing; "never committed" it does not mean.
                    raise KafkaException(committed.error)
                partition = (committed.topic, committed.partition)
                if committed.offset < 0:
                    # Nothing was ever committed here: go back to where this consumer began.
                    committed.offset = self._first.get(partition, -1)
                if committed.offset >= 0:
                    self._consumer.seek(committed)
                    self._next[partition] = committed.offset
        except KafkaException as failure:
            raise verdict(failure.args[0]) from None

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

    def _is_new(self, message: KafkaMessage) -> bool:
        error = message.error()
        if error is not None:
            if is_fatal(error) or error.code() == KafkaError._FATAL:
                raise FatalKafkaError(explain(error))
            self._on_error(error)
            return False
        partition, offset = (message.topic(), message.partition()), message.offset()
        if partition not in self._owned:
            # Its partition went inside the same poll; the next owner gets it too.
            return False
        if offset < self._next.get(partition, 0):
            self._pass_over(partition, offset)
            return False
        self._first.setdefault(partition, offset)
        self._next[partition] = offset + 1
        return True

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
