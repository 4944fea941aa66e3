"""Commits offsets as a member of the group, and never waits for that without end."""

import queue

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bearing_stream.kafka import TransientKafkaError
from consumer.liveness.deadline import Worker


class Commits:
    """The consumer's synchronous commit, with a timeout.

    The client's own has none: where the broker goes down meanwhile, librdkafka 2.16 waits for
    another for 40 s and more, and where the group rebalances, it waits for its members. A commit
    that was given up may still be made, and would replace offsets that were committed after it: so
    nothing is to be read, and nothing is committed, before `settle` has returned.
    """

    def __init__(self, consumer: Consumer) -> None:
        """Commit nothing yet."""
        self._consumer = consumer
        self._worker: Worker | None = None
        self._pending = False

    def commit(self, offsets: list[TopicPartition], timeout: float) -> None:
        """Commit offsets and wait for the response, once an earlier commit has returned.

        Raises:
            KafkaException: They were not committed, or those before were not.
            TransientKafkaError: There is no response within `timeout` seconds.
        """
        self.settle(timeout)
        if self._worker is None:
            self._worker = Worker()
        self._worker.begin(_commit, (self._consumer, offsets))
        self._pending = True
        self.settle(timeout)

    def settle(self, timeout: float) -> None:
        """Wait for the commit that is under way, if one is; raises as `commit`."""
        if not self._pending or self._worker is None:
            return
        try:
            error = self._worker.result(timeout)
        except queue.Empty:
            raise TransientKafkaError("the Kafka client has not returned from a commit") from None
        self._pending = False
        if error is not None:
            raise error


def _commit(consumer: Consumer, offsets: list[TopicPartition]) -> None:
    for partition in consumer.commit(offsets=offsets, asynchronous=False) or ():
        if partition.error is not None:
            raise KafkaException(partition.error)
