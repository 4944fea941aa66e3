"""A real Apache Kafka as child processes: no system Java, no Docker, nothing to install.

It stands beside the house and knows nothing of bearings. See `LocalKafka`.
"""

from bearing_stream.local_kafka.cluster import LocalKafka
from bearing_stream.local_kafka.configuration import Security
from bearing_stream.local_kafka.errors import LocalKafkaError

__all__ = ["LocalKafka", "LocalKafkaError", "Security"]
