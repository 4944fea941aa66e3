"""Talking to a Kafka cluster: where it is, whether it answers, and what its errors mean."""

from kafka_client.connection import ConnectionSettings
from kafka_client.errors import FatalKafkaError, explain, is_fatal
from kafka_client.reading import Span, Spans, TopicReader, read_to_end
from kafka_client.startup import (
    ClusterErrors,
    admin_client,
    create_topics,
    largest_message,
    wait_for_topics,
)

__all__ = [
    "ClusterErrors",
    "ConnectionSettings",
    "FatalKafkaError",
    "Span",
    "Spans",
    "TopicReader",
    "admin_client",
    "create_topics",
    "explain",
    "is_fatal",
    "largest_message",
    "read_to_end",
    "wait_for_topics",
]
