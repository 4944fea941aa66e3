"""At least once: offsets are committed after all diagnoses and dead letters are acknowledged."""

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from bearing_stream.kafka import TransientKafkaError
from bearing_stream.wire import Message
from consumer.batch import Origin, Positions
from consumer.delivery.base import Publisher, classify, topic_partitions


class Flushes(Publisher):
    """At least once: offsets are committed after every message was acknowledged."""

    def __init__(
        self,
        new_producer: Callable[[], Producer],
        commit_offsets: Callable[[list[TopicPartition]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up.

        Args:
            new_producer: Makes an idempotent producer.
            commit_offsets: The consumer's synchronous commit; raises `KafkaException`.
            clock: Monotonic seconds.
        """
        super().__init__(new_producer, clock)
        self._commit_offsets = commit_offsets
        self._failed: KafkaError | None = None

    def start(self, timeout: float) -> None:
        """Do nothing: an idempotent producer needs no registration."""

    def publish(self, topic: str, message: Message, origin: Origin) -> None:  # noqa: ARG002
        """Produce; `commit` raises if the message is not acknowledged."""
        if self.opened_at is None:
            self.opened_at = self._clock()
        self._produce(topic, message, on_delivery=self._on_delivery)

    def commit(self, positions: Positions, timeout: float) -> None:
        """Flush, and commit the offsets if every message was acknowledged."""
        if self._serve(self._producer.flush, timeout):
            raise TransientKafkaError(f"diagnoses were not acknowledged within {timeout:g} s")
        if self._failed is not None:
            raise classify(self._failed)
        try:
            self._commit_offsets(topic_partitions(positions))
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        self.opened_at = None

    def recover(self, timeout: float) -> None:  # noqa: ARG002 - the contract of Delivery
        """Drop what is in flight; it may still be delivered, and then appears twice.

        Replaces the producer, since one with purged messages or a fatal error may refuse further
        messages.
        """
        if self.opened_at is not None:
            self._replace_producer()
        self._failed, self.opened_at = None, None

    def close(self) -> None:
        """Drop what is in flight."""
        if self.opened_at is not None:
            self._producer.purge()
        self.opened_at = None

    def _on_delivery(self, error: KafkaError | None, _message: Any) -> None:
        if error is not None and self._failed is None:
            self._failed = error
