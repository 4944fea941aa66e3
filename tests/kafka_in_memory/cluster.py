"""A Kafka in memory, small enough to reason about: topics, groups and transactions."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from confluent_kafka import KafkaError

from bearing_stream.wire import Message
from tests.kafka_in_memory.errors import kafka_error
from tests.kafka_in_memory.faults import Faults
from tests.kafka_in_memory.group import Group
from tests.kafka_in_memory.log import Entry, Isolation, PartitionLog
from tests.kafka_in_memory.topic import Topic, TopicConfiguration, new_topic
from tests.kafka_in_memory.transactions import Coordinator

Partitioner = Callable[[str, Message, int], int]
"""Topic, record and number of partitions → partition."""


def by_key(_topic: str, message: Message, partitions: int) -> int:
    """Records with the same key go to the same partition."""
    return sum(message.key or b"") % partitions


class Cluster:
    """What the brokers know.

    The clients are `consumer.InMemoryConsumer`, `producer.InMemoryProducer` and
    `admin.InMemoryAdmin`. Any number of them, and `rival.Rival`, work on one cluster.
    """

    def __init__(
        self,
        *,
        partitioner: Partitioner = by_key,
        now_ms: int = 10_000,
    ) -> None:
        """A cluster without topics.

        Args:
            partitioner: Of the producers.
            now_ms: The time that the brokers compare timestamps with.
        """
        self.topics: dict[str, Topic] = {}
        self.groups: dict[str, Group] = {}
        self.transactions = Coordinator(self.topics, self.groups)
        self.partitioner = partitioner
        self.now_ms = now_ms
        self.faults = Faults()
        self.refused: KafkaError | None = None
        """The error in every delivery report, in place of what the topic's rules give."""
        self.unled: set[tuple[str, int]] = set()
        """Partitions whose leader does not respond: nobody fetches them, or learns their ends."""
        self._serials = count()
        self._client_errors: dict[tuple[str, int], list[tuple[int, KafkaError]]] = {}
        self._damaged: dict[tuple[str, int], list[range]] = {}

    def create_topic(self, name: str, partitions: int = 1, **configuration: Any) -> Topic:
        """Create a topic; see `TopicConfiguration`.

        Raises:
            KafkaException: TOPIC_ALREADY_EXISTS.
        """
        if name in self.topics:
            raise kafka_error(KafkaError.TOPIC_ALREADY_EXISTS)
        rules = TopicConfiguration(**configuration)
        self.topics[name] = new_topic(name, partitions, rules, lambda: next(self._serials))
        return self.topics[name]

    def delete_topic(self, name: str) -> None:
        """Delete a topic with all that it holds; committed offsets stay."""
        self.topic(name)
        del self.topics[name]

    def recreate_topic(self, name: str) -> Topic:
        """Delete a topic and make it anew: another id, and offsets from 0."""
        old = self.topic(name)
        del self.topics[name]
        new = self.create_topic(name, len(old.logs))
        new.configuration = old.configuration
        return new

    def add_partitions(self, name: str, total: int) -> None:
        """Let a topic have that many partitions; the new ones are empty."""
        logs = self.topic(name).logs
        logs += [PartitionLog(lambda: next(self._serials)) for _ in range(total - len(logs))]

    def topic(self, name: str) -> Topic:
        """A topic; raises `KafkaException` with UNKNOWN_TOPIC_OR_PART where there is none."""
        if name not in self.topics:
            raise kafka_error(KafkaError.UNKNOWN_TOPIC_OR_PART)
        return self.topics[name]

    def log_of(self, topic: str, partition: int) -> PartitionLog:
        """The log of a partition."""
        logs = self.topic(topic).logs
        if partition >= len(logs):
            raise kafka_error(KafkaError.UNKNOWN_TOPIC_OR_PART)
        return logs[partition]

    def group(self, name: str) -> Group:
        """A group, which begins to exist when it is first asked for."""
        return self.groups.setdefault(name, Group())

    def append(self, topic: str, partition: int, *messages: Message) -> None:
        """Append records in no transaction, as a sender without guarantees does."""
        for message in messages:
            self.log_of(topic, partition).append(message)

    def append_in_transaction(
        self, topic: str, partition: int, *messages: Message, committed: bool | None = True
    ) -> None:
        """Append records as a transactional sender does.

        Args:
            topic: Its name.
            partition: Its number.
            *messages: The records.
            committed: Whether the sender commits or aborts; None leaves the transaction open.
        """
        sender = f"sender of {topic}-{partition}"
        epoch = self.transactions.epoch(sender) or self.transactions.register(sender)
        for message in messages:
            self.transactions.send(sender, epoch, topic, partition, message)
        if committed is not None:
            self.transactions.end(sender, epoch, committed)

    def visible(
        self, *topics: str, isolation: Isolation = "read_committed"
    ) -> Iterator[tuple[str, int, Entry]]:
        """What a reader sees of these topics: topic, partition and record, in order of time."""
        found = [
            (name, number, entry)
            for name in topics
            for number, log in enumerate(self.topic(name).logs)
            for entry in log.records(isolation)
        ]
        yield from sorted(found, key=lambda one: one[2].serial)

    def error_before(self, topic: str, partition: int, offset: int, error: KafkaError) -> None:
        """Let a client return an error, once, before the record at an offset."""
        self._client_errors.setdefault((topic, partition), []).append((offset, error))

    def take_error(self, topic: str, partition: int, offset: int) -> KafkaError | None:
        """The error that comes before the record at an offset, if there is one."""
        waiting = self._client_errors.get((topic, partition), [])
        for position, (at, error) in enumerate(waiting):
            if at == offset:
                del waiting[position]
                return error
        return None

    def damage(self, topic: str, partition: int, batch: range) -> None:
        """Let no client unpack the records at these offsets, which were sent together."""
        self._damaged.setdefault((topic, partition), []).append(batch)

    def damaged_batch(self, topic: str, partition: int, offset: int) -> range | None:
        """The offsets of the batch at an offset, if it cannot be unpacked."""
        batches = self._damaged.get((topic, partition), [])
        return next((batch for batch in batches if offset in batch), None)

    def happens_in(self, call: str, event: Any) -> None:
        """See `Faults.happens_in`."""
        self.faults.happens_in(call, event)

    def in_call(self, call: str) -> None:
        """See `Faults.in_call`."""
        self.faults.in_call(call)
