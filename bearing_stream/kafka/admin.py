"""A client for metadata and administration, and what the commands do with it."""

from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from bearing_stream.kafka.client import new_client
from bearing_stream.kafka.connection import Properties
from bearing_stream.kafka.errors import ClusterErrors, FatalKafkaError, explain

CREATE_TIMEOUT: Final = 60.0
"""Seconds for topics to be created."""

DESCRIBE_TIMEOUT: Final = 5.0
"""Seconds for the configuration, or the partitions, of a topic."""


def admin_client(properties: Properties, errors: ClusterErrors | None = None) -> AdminClient:
    """A client for metadata and administration.

    Args:
        properties: Properties of any client; only those of the connection are used.
        errors: Receives the errors that the client reports of the cluster.

    Raises:
        FatalKafkaError: A property is invalid.
    """
    kept = (
        "bootstrap.",
        "security.",
        "sasl.",
        "ssl.",
        "enable.ssl.",
        "socket.",
        "client.",
        "broker.",
    )
    own: Properties = {n: value for n, value in properties.items() if n.startswith(kept)}
    # ClusterErrors passes the errors on; the client itself logs nothing.
    own |= {"log_level": 0, "error_cb": errors or ClusterErrors()}
    # To ask for the metadata of a topic that was deleted would create it, with one partition.
    own["allow.auto.create.topics"] = False
    return new_client(AdminClient, own)


def create_topics(
    properties: Properties,
    partitions: Mapping[str, int],
    replication: int = -1,
    topic_properties: Mapping[str, str] | None = None,
) -> None:
    """Create the topics among these that do not exist yet.

    Args:
        properties: Connection properties of the client.
        partitions: Topic → number of partitions.
        replication: Replicas of each partition; -1 leaves it to the broker.
        topic_properties: Topic-level configuration, as Kafka names it.

    Raises:
        FatalKafkaError: A property is invalid, or a topic could not be created.
    """
    admin = admin_client(properties)
    new = [
        NewTopic(name, count, replication, config=dict(topic_properties or {}))
        for name, count in partitions.items()
    ]
    response = admin.create_topics(new, operation_timeout=30, request_timeout=CREATE_TIMEOUT)
    for name, created in response.items():
        try:
            created.result()
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise FatalKafkaError(f"cannot create topic '{name}': {explain(error)}") from None


def partition_count(admin: AdminClient, topic: str) -> int:
    """Return the number of partitions of a topic that exists.

    Raises:
        FatalKafkaError: The cluster does not respond.
    """
    try:
        found = admin.list_topics(topic, DESCRIBE_TIMEOUT).topics[topic]
    except KafkaException as failure:
        raise FatalKafkaError(
            f"cannot read the partitions of topic '{topic}': {explain(failure.args[0])}"
        ) from None
    # None for a moment, where the topic has just been deleted.
    return max(len(found.partitions), 1)


def largest_message(properties: Properties, topic: str) -> int | None:
    """The topic's `max.message.bytes`: the size of the largest compressed batch that it accepts.

    None if this user may not read the configuration of the topic (`DESCRIBE_CONFIGS`).

    Raises:
        FatalKafkaError: A property is invalid, or the cluster does not respond.
    """
    admin, resource = admin_client(properties), ConfigResource(ResourceType.TOPIC, topic)
    try:
        response = admin.describe_configs([resource], request_timeout=DESCRIBE_TIMEOUT)
        return int(response[resource].result()["max.message.bytes"].value)
    except KafkaException as failure:
        if failure.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return None
        raise FatalKafkaError(
            f"cannot read the configuration of topic '{topic}': {explain(failure.args[0])}"
        ) from None
