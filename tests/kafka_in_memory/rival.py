"""Another process on the same cluster: a member of the same group, or of another one."""

from collections.abc import Callable
from typing import NamedTuple

from confluent_kafka import TopicPartition

from bearing_stream.wire import Message
from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.group import positions_of
from tests.kafka_in_memory.polled import Polled


class Output(NamedTuple):
    """A record, and where it goes."""

    topic: str
    message: Message


class Rival:
    """Consumes, transforms, produces and commits, exactly once and all inside one call.

    It makes no calls in which faults happen, so it may act inside any call of another client. It
    does not rebalance: a test that lets it act in the same group bumps the generation where the
    group would.
    """

    def __init__(
        self,
        cluster: Cluster,
        group: str,
        transactional_id: str,
        transform: Callable[[Polled], Output],
        note: Callable[[int], str] = lambda _first: "",
    ) -> None:
        """Set up.

        Args:
            cluster: Where it works.
            group: Whose offsets it reads and commits.
            transactional_id: Its own.
            transform: Makes the output of a message.
            note: Makes what is committed with an offset, from the first offset of the transaction.
        """
        self._cluster = cluster
        self._group = group
        self._id = transactional_id
        self._transform = transform
        self._note = note

    def take(self, topic: str, partition: int, most: int) -> int:
        """Process up to `most` messages from the committed offset on; returns how many.

        None of them where a transaction with this partition's offset is open: Kafka gives nobody
        the offset meanwhile.
        """
        group, log = self._cluster.group(self._group), self._cluster.log_of(topic, partition)
        if group.is_unstable([(topic, partition)]) or not most:
            return 0
        begin = group.committed.get((topic, partition), log.start)
        if not log.start <= begin <= log.high_watermark:
            begin = log.start
        taken = log.read(begin)[:most]
        if not taken:
            return 0
        transactions = self._cluster.transactions
        epoch = transactions.register(self._id)
        for entry in taken:
            assert entry.message is not None
            polled = Polled(entry.message, partition, entry.offset, None, topic)
            output = self._transform(polled)
            partitions = len(self._cluster.topic(output.topic).logs)
            number = self._cluster.partitioner(output.topic, output.message, partitions)
            transactions.send(self._id, epoch, output.topic, number, output.message)
        end = TopicPartition(topic, partition, taken[-1].offset + 1, self._note(begin))
        position = positions_of([end])
        transactions.offer(self._id, epoch, self._group, None, position)
        transactions.end(self._id, epoch, committed=True, reaches_all=True)
        return len(taken)
