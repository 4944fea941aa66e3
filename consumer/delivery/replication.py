"""Which of the topics that a consumer writes to have a partition with a single replica."""

from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

OFFSETS_TOPIC: Final = "__consumer_offsets"
"""Kafka's own topic of the groups' offsets, which are part of each transaction."""


def single_replica(admin: AdminClient, topics: Iterable[str], timeout: float) -> list[str]:
    """Return those of these topics, and of Kafka's offsets, that have such a partition, sorted.

    A topic that this user may not describe counts as replicated: Kafka's own topics are as a rule
    where the others are.

    Args:
        admin: A client of the user concerned.
        topics: That the consumer writes to.
        timeout: Seconds to wait for a response.
    """
    asked = sorted({*topics, OFFSETS_TOPIC})
    described = admin.describe_topics(TopicCollection(asked), request_timeout=timeout)
    found = []
    for name in asked:
        try:
            partitions = described[name].result().partitions
        except KafkaException:
            continue
        if any(len(partition.replicas) < 2 for partition in partitions):
            found.append(name)
    return found
