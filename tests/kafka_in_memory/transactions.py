"""The transaction coordinator: who may write under a transactional id, and how it ends."""

from dataclasses import dataclass, field

from confluent_kafka import KafkaError

from bearing_stream.wire import Message
from tests.kafka_in_memory.errors import fenced, kafka_error
from tests.kafka_in_memory.group import Group, Partition, Positions
from tests.kafka_in_memory.topic import Topic

OFFSETS = "offsets"
"""Names the partition of the group's offsets among those without a leader."""


@dataclass
class Transaction:
    """The state of a transactional id."""

    producer: int
    epoch: int = 0
    is_open: bool = False
    partitions: set[Partition] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)


class Coordinator:
    """Begins, ends and fences the transactions of a cluster.

    A transaction ends by a marker in each partition that it wrote to, and in the offsets of each
    group. A partition that has no leader then is left out, as Kafka 4 does: what is there stays
    open until the next marker of the same producer there.
    """

    def __init__(self, topics: dict[str, Topic], groups: dict[str, Group]) -> None:
        """Set up.

        Args:
            topics: Of the cluster, by name.
            groups: Of the cluster, by name.
        """
        self._topics = topics
        self._groups = groups
        self._transactions: dict[str, Transaction] = {}
        self.leaderless: frozenset[object] = frozenset()
        """Partitions, and `OFFSETS`, that the markers of the next commit do not reach."""
        self.forgets_partitions = False
        """Whether an end by a successor reaches no partition of a topic."""

    def epoch(self, transactional_id: str) -> int:
        """The producer epoch that is valid now; 0 before the first registration."""
        found = self._transactions.get(transactional_id)
        return found.epoch if found else 0

    def register(self, transactional_id: str) -> int:
        """Fence the id's earlier producers and abort what they left open; returns the epoch."""
        transaction = self._transactions.setdefault(
            transactional_id, Transaction(len(self._transactions) + 1)
        )
        transaction.epoch += 1
        if transaction.is_open:
            missed = frozenset(transaction.partitions if self.forgets_partitions else ())
            self._finish(transaction, False, missed)
        return transaction.epoch

    def expire(self, transactional_id: str) -> None:
        """Time an open transaction out: abort it, and fence its producer."""
        self.register(transactional_id)

    def send(
        self, transactional_id: str, epoch: int, topic: str, partition: int, message: Message
    ) -> int:
        """Append a record in the open transaction; returns its offset."""
        transaction = self._current(transactional_id, epoch)
        transaction.is_open = True
        transaction.partitions.add((topic, partition))
        return self._topics[topic].logs[partition].append(message, transaction.producer)

    def offer(
        self,
        transactional_id: str,
        epoch: int,
        group: str,
        generation: int | None,
        positions: Positions,
    ) -> None:
        """Add a group's offsets to the open transaction; a zombie of the group is refused."""
        transaction = self._current(transactional_id, epoch)
        taken_by = self._groups.setdefault(group, Group())
        taken_by.check(generation)
        transaction.is_open = True
        transaction.groups.add(group)
        taken_by.offer(transaction.producer, positions)

    def end(
        self, transactional_id: str, epoch: int, committed: bool, reaches_all: bool = False
    ) -> None:
        """Commit or abort; nothing where the transaction wrote nothing.

        With `reaches_all`, the markers of this commit reach the partitions without a leader too.
        """
        transaction = self._current(transactional_id, epoch)
        missed: frozenset[object] = frozenset()
        if committed and not reaches_all:
            missed, self.leaderless = self.leaderless, frozenset()
        self._finish(transaction, committed, missed)

    def undecided(self) -> set[Partition]:
        """Partitions with records of a transaction that ended without a marker there."""
        return {partition for _, partition in self._undecided()}

    def abort_undecided(self) -> None:
        """Abort what lacks a marker, as an administrator does (`kafka-transactions.sh --abort`)."""
        for producer, (topic, number) in self._undecided():
            self._topics[topic].logs[number].mark(producer, committed=False)
        for group in self._groups.values():
            for producer in list(group.undecided):
                group.decide(producer, committed=False)

    def _undecided(self) -> set[tuple[int, Partition]]:
        written = {
            (each.producer, partition)
            for each in self._transactions.values()
            for partition in each.partitions
        }
        open_anywhere = {
            (producer, (topic.name, number))
            for topic in self._topics.values()
            for number, log in enumerate(topic.logs)
            for producer in log.open_producers
        }
        return open_anywhere - written

    def _current(self, transactional_id: str, epoch: int) -> Transaction:
        transaction = self._transactions.get(transactional_id)
        if transaction is None:
            raise kafka_error(KafkaError.INVALID_PRODUCER_ID_MAPPING, fatal=True)
        if transaction.epoch != epoch:
            raise fenced()
        return transaction

    def _finish(self, transaction: Transaction, committed: bool, missed: frozenset[object]) -> None:
        for topic, number in sorted(self._reached(transaction)):
            if (topic, number) not in missed:
                self._topics[topic].logs[number].mark(transaction.producer, committed)
        for name in transaction.groups:
            if OFFSETS in missed:
                self._groups[name].leave_undecided(transaction.producer)
            else:
                self._groups[name].decide(transaction.producer, committed)
        transaction.is_open = False
        transaction.partitions, transaction.groups = set(), set()

    def _reached(self, transaction: Transaction) -> set[Partition]:
        existing = {
            (name, number)
            for name, topic in self._topics.items()
            for number in range(len(topic.logs))
        }
        # A topic deleted meanwhile takes its part of the transaction with it.
        return transaction.partitions & existing
