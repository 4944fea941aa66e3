"""At least once: offsets are committed after all results are acknowledged."""

import time
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from bearing_stream.kafka import classify
from bearing_stream.wire import Message
from consumer.delivery.base import RETRY_PAUSE, Bounds, Publisher
from consumer.delivery.states import Event, State
from consumer.messages import Origin

REBALANCING: Final = (
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.STALE_MEMBER_EPOCH,
)
"""Errors of a commit while the group begins a new generation; it takes the offsets then."""


class AtLeastOnce(Publisher):
    """Offsets are committed after every result is acknowledged."""

    def __init__(
        self,
        new_producer: Callable[[], Producer],
        commit_offsets: Callable[[list[TopicPartition]], None],
        bounds: Bounds,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up.

        Args:
            new_producer: Makes an idempotent producer.
            commit_offsets: The consumer's commit; raises `KafkaException` if Kafka refuses, and
                `TransientKafkaError` if it does not respond in time.
            bounds: Of what is published before a commit.
            clock: Monotonic seconds.
            sleep: Waits some seconds.
        """
        super().__init__(new_producer(), bounds, clock, sleep)
        self._new_producer = new_producer
        self._commit_offsets = commit_offsets
        self._failed: KafkaError | None = None

    def start(self, timeout: float) -> None:  # noqa: ARG002 - the contract of Delivery
        """Do nothing: an idempotent producer gets ready by itself."""
        self._move(Event.REGISTERED)

    def open(self) -> None:
        """Note that offsets are to be committed."""
        if self.state is State.IDLE:
            self._opened()
            self._move(Event.PUBLISHED)

    def publish(self, topic: str, *messages: Message, origin: Origin | None = None) -> None:
        """Produce, and remember if it fails."""
        with self._failing():
            if self.state is State.IDLE:
                self._opened()
            self._produce(topic, messages, origin)
            self._move(Event.PUBLISHED)

    def commit(self, offsets: list[TopicPartition], timeout: float) -> None:
        """Flush, and commit the offsets if every result was acknowledged."""
        with self._failing():
            self._flush(timeout)
            if self._failed is not None:
                raise classify(self._failed)
            self._move(Event.COMMIT_REQUESTED)
            self._commit(offsets, timeout)
        self._move(Event.COMMITTED)
        self._note_success()
        self._closed()

    def recover(self, deadline: float) -> None:  # noqa: ARG002 - the contract of Delivery
        """Forget what is being sent; it may still arrive, and is then there twice.

        With a new producer, since one whose messages were purged, or that failed permanently, may
        take no more.
        """
        if self.state is State.FAILED:
            self._producer.purge()
            self._producer = self._new_producer()
            self._failed = None
            self._closed()
            self._move(Event.REPLACED)
        if self.state is State.UNREGISTERED:
            self._move(Event.REGISTERED)

    def close(self) -> None:
        """Forget what is being sent."""
        if self.opened_at is not None:
            self._producer.purge()
        self._closed()
        self._move(Event.CLOSED)

    def _commit(self, offsets: list[TopicPartition], timeout: float) -> None:
        """Commit offsets; again, until `timeout` seconds after Kafka's first response.

        The partitions are owned until the client reports in a poll that they are not. But while the
        group rebalances, Kafka responds when all members have joined, and it refuses what the
        client sent before.
        """
        deadline: float | None = None
        while True:
            try:
                self._commit_offsets(offsets)
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                deadline = deadline or self._clock() + timeout
                if error.code() not in REBALANCING or self._clock() >= deadline:
                    raise classify(error) from None
                self._sleep(RETRY_PAUSE)
            else:
                return

    def _on_delivery(self, error: KafkaError | None, record: Any) -> None:
        super()._on_delivery(error, record)
        if error is not None and self._failed is None:
            self._failed = error
