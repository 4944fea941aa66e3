"""What all Kafka clients here share: connection settings, start-up checks, errors, reading."""

from bearing_stream.kafka.admin import (
    admin_client,
    create_topics,
    largest_message,
    partition_count,
)
from bearing_stream.kafka.client import new_client, served
from bearing_stream.kafka.connection import ConnectionSettings
from bearing_stream.kafka.errors import (
    ClusterErrors,
    FatalKafkaError,
    FencedError,
    RetriableKafkaError,
    TransientKafkaError,
    classify,
    explain,
    is_fatal,
)
from bearing_stream.kafka.following import TopicFollower
from bearing_stream.kafka.reading import Span, Spans, TopicReader, read_to_end
from bearing_stream.kafka.startup import wait_for_topics
from bearing_stream.kafka.topics import AlarmTopics, AlarmTopicSettings, TopicSettings
from bearing_stream.kafka.undecided import UNDECIDED_FOR, Ends, Undecided
from bearing_stream.kafka.unreadable import UNREADABLE, BatchEnds, UnreadableBatch

__all__ = [
    "UNDECIDED_FOR",
    "UNREADABLE",
    "AlarmTopicSettings",
    "AlarmTopics",
    "BatchEnds",
    "ClusterErrors",
    "ConnectionSettings",
    "Ends",
    "FatalKafkaError",
    "FencedError",
    "RetriableKafkaError",
    "Span",
    "Spans",
    "TopicFollower",
    "TopicReader",
    "TopicSettings",
    "TransientKafkaError",
    "Undecided",
    "UnreadableBatch",
    "admin_client",
    "classify",
    "create_topics",
    "explain",
    "is_fatal",
    "largest_message",
    "new_client",
    "partition_count",
    "read_to_end",
    "served",
    "wait_for_topics",
]
