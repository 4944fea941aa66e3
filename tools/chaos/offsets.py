"""Offsets of the topics and of the group, as another client sees them during a trial."""

from collections import Counter
from typing import Final

from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    ElectionType,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewPartitions

from bearing_stream.kafka import (
    FatalKafkaError,
    Span,
    Spans,
    TopicReader,
    TopicSettings,
    admin_client,
    new_client,
)

LIMIT: Final = 15.0
"""Seconds for Kafka to respond to a request."""


class Offsets:
    """Reads and changes the state of the topics and the group of a trial.

    Every method raises `KafkaException` or `FatalKafkaError` if the cluster does not respond.
    """

    def __init__(self, topics: TopicSettings, group: str) -> None:
        self._topics = topics
        self._group = group
        # Reconnects at once: a request must not time out after the broker is back.
        quick = {"log_level": 0, "reconnect.backoff.max.ms": "200"}
        properties = topics.client_properties() | quick
        self._admin = admin_client(properties)
        self._written = TopicReader(properties, topics.diagnoses_topic, "read_uncommitted")
        self._stable = TopicReader(properties, topics.diagnoses_topic, "read_committed")
        self._windows = TopicReader(properties, topics.windows_topic, "read_uncommitted")

    def close(self) -> None:
        """Disconnect."""
        for reader in (self._written, self._stable, self._windows):
            reader.__exit__(None, None, None)

    def windows(self) -> Spans:
        """Return the offsets that each partition of the windows topic holds."""
        return self._windows.spans()

    def describe_unread(self, read: dict[int, int]) -> str:
        """Describe why a subscriber sees nothing new that has read up to these offsets.

        Either a transaction is open, or committed diagnoses are there, which its client does not
        fetch, or there are none.
        """
        try:
            spans = {
                partition: Span(max(read.get(partition, 0), span.start), span.end)
                for partition, span in self._stable.spans().items()
            }
            unread = Counter(message.partition() for message in self._stable.read(spans))
            return f"open transactions: {self.open_transaction()}, unread: {dict(unread)}"
        except (KafkaException, FatalKafkaError) as failure:
            return f"no other reader can read: {failure}"

    def committed(self, group: str | None = None) -> dict[int, int]:
        """Return a group's committed offsets by partition; those without one are left out.

        By default those of the group under test.
        """
        group = group or self._group
        asked = [ConsumerGroupTopicPartitions(group)]
        response = self._admin.list_consumer_group_offsets(asked, request_timeout=LIMIT)
        partitions = response[group].result().topic_partitions
        return {one.partition: one.offset for one in partitions if one.offset >= 0}

    def settled(self) -> dict[int, int]:
        """Return what `committed` does, after the transactions that Kafka still completes.

        A commit has succeeded before its offsets show: Kafka completes it in each partition.
        """
        properties = self._topics.client_properties(
            group_id=self._group, isolation_level="read_committed"
        )
        asked = [TopicPartition(self._topics.windows_topic, number) for number in self.windows()]
        consumer = new_client(Consumer, properties)
        try:
            found = consumer.committed(asked, LIMIT)
        finally:
            consumer.close()
        return {one.partition: one.offset for one in found if one.offset >= 0}

    def owned(self) -> dict[str, set[int]]:
        """Return client id → assigned partitions of the windows topic.

        Empty while the group is not stable.
        """
        response = self._admin.describe_consumer_groups([self._group], request_timeout=LIMIT)
        group = response[self._group].result()
        if group.state != ConsumerGroupState.STABLE:
            return {}
        return {
            member.client_id: {one.partition for one in member.assignment.topic_partitions}
            for member in group.members
        }

    def open_transaction(self, client_id: str | None = None) -> dict[int, int]:
        """Return diagnoses partition → last stable offset, where transactions are open.

        With a client id, only for the partitions assigned to it.
        """
        written, stable = self._written.spans(), self._stable.spans()
        own = written.keys() if client_id is None else self.owned().get(client_id, set())
        return {
            partition: stable[partition].end
            for partition in own
            if stable[partition].end < written[partition].end
        }

    def configure(self, topic: str, **properties: str) -> None:
        """Set properties of a topic, with `_` for `.`."""
        entries = [
            ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
            for name, value in properties.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        self._admin.incremental_alter_configs([resource])[resource].result()

    def delete(self, *topics: str) -> None:
        """Delete topics; a missing one is no error."""
        for deleted in self._admin.delete_topics(list(topics), operation_timeout=LIMIT).values():
            deleted.exception()

    def add_partition(self, topic: str) -> int:
        """Add a partition to a topic, and return its number."""
        number = len(self._admin.list_topics(topic, LIMIT).topics[topic].partitions)
        self._admin.create_partitions([NewPartitions(topic, number + 1)])[topic].result()
        return number

    def elect_leaders(self) -> int:
        """Let the preferred replicas lead all partitions; return how many leaders that changes."""
        elected = self._admin.elect_leaders(ElectionType.PREFERRED).result()
        return sum(error is None for error in elected.values())

    def exists(self, topic: str) -> bool:
        """Whether a topic exists."""
        return topic in self._admin.list_topics(timeout=LIMIT).topics

    def in_sync(self) -> bool:
        """Whether every partition of the cluster has all its replicas in sync, and a leader."""
        topics = self._admin.list_topics(timeout=LIMIT).topics.values()
        partitions = [one for topic in topics for one in topic.partitions.values()]
        return all(one.leader > 0 and len(one.isrs) == len(one.replicas) for one in partitions)

    def leader(self, topic: str, partition: int) -> int:
        """Return the number of the broker that leads a partition; -1 if none does."""
        found = self._admin.list_topics(topic, LIMIT).topics[topic].partitions
        return found[partition].leader
