"""Talking to a Kafka cluster: where it is, whether it answers, and what its errors mean."""

from kafka_client.connection import ConnectionSettings
from kafka_client.errors import FatalKafkaError, explain, is_fatal
from kafka_client.startup import ClusterErrors, create_topics, wait_for_topics

__all__ = [
    "ClusterErrors",
    "ConnectionSettings",
    "FatalKafkaError",
    "create_topics",
    "explain",
    "is_fatal",
    "wait_for_topics",
]
