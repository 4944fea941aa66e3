"""What `list_topics` returns."""

from dataclasses import dataclass, field

from confluent_kafka import KafkaError

from tests.kafka_in_memory.cluster import Cluster


@dataclass
class PartitionMetadata:
    """What is known of a partition."""

    id: int
    leader: int = 1
    replicas: list[int] = field(default_factory=lambda: [1])
    isrs: list[int] = field(default_factory=lambda: [1])
    error: KafkaError | None = None


@dataclass
class TopicMetadata:
    """What is known of a topic."""

    topic: str
    partitions: dict[int, PartitionMetadata]
    error: KafkaError | None = None


@dataclass
class ClusterMetadata:
    """What is known of the topics."""

    topics: dict[str, TopicMetadata]


def metadata(cluster: Cluster, topic: str | None = None) -> ClusterMetadata:
    """All topics, or one; a topic that does not exist has an `error`."""
    names = list(cluster.topics) if topic is None else [topic]
    found = {}
    for name in names:
        if name in cluster.topics:
            numbers = range(len(cluster.topics[name].logs))
            found[name] = TopicMetadata(name, {each: PartitionMetadata(each) for each in numbers})
        else:
            found[name] = TopicMetadata(name, {}, KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    return ClusterMetadata(found)
