"""Commits of offsets by the consumer itself, in limited time."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bearing_stream.kafka import TransientKafkaError, classify
from consumer.liveness.deadline import Worker


class Commits:
    """Commits offsets as a member of the group, one commit after the other.

    Where the broker goes down meanwhile, the client's synchronous commit returns after the broker
    is back, which may be hours. So it runs in a thread. Until it returns nothing else is committed,
    which it would replace; nor is the client polled, since confluent-kafka 2.16 lets each other
    call of the consumer wait for this one.
    """

    def __init__(self, consumer: Consumer) -> None:
        """Start no thread yet."""
        self._consumer = consumer
        self._worker: Worker | None = None
        self._is_pending = False
        self._is_inside_callback = False

    @property
    def is_pending(self) -> bool:
        """Whether a commit was given up and has not returned, at the last check."""
        return self._is_pending

    def commit(self, offsets: list[TopicPartition], timeout: float) -> None:
        """Commit, and wait for the response.

        Raises:
            KafkaException: They were not committed.
            TransientKafkaError: There is no response within `timeout` seconds; `settle` first.
        """
        if self._is_inside_callback:
            self._commit(offsets)
            return
        if self._worker is None:
            self._worker = Worker()
        self._worker.begin(self._commit, (offsets,))
        self._is_pending = True
        self._await(timeout)

    @contextmanager
    def inside_callback(self) -> Iterator[None]:
        """Commit without a limit in this block, which runs in a callback of the client.

        A thread would wait until the client returns from the callback.
        """
        self._is_inside_callback = True
        try:
            yield
        finally:
            self._is_inside_callback = False

    def settle(self) -> None:
        """Make sure that no commit is pending: what is committed is known then.

        Raises:
            TransientKafkaError: One is, or has failed meanwhile.
            FatalKafkaError: One was refused.
        """
        if self._is_pending:
            try:
                self._await(0)
            except KafkaException as failure:
                raise classify(failure.args[0]) from None

    def close(self) -> None:
        """End the thread."""
        if self._worker is not None:
            self._worker.leave()

    def _await(self, timeout: float) -> None:
        assert self._worker is not None
        try:
            error = self._worker.result(timeout)
        except queue.Empty:
            raise TransientKafkaError("Kafka does not respond to a commit of offsets") from None
        self._is_pending = False
        if error is not None:
            raise error

    def _commit(self, offsets: list[TopicPartition]) -> None:
        for partition in self._consumer.commit(offsets=offsets, asynchronous=False) or ():
            if partition.error is not None:
                raise KafkaException(partition.error)
