"""A real Apache Kafka as child processes, without a system Java or Docker: see `LocalKafka`.

The package is independent of the rest of the project.
"""

from bearing_stream.local_kafka.cluster import LocalKafka
from bearing_stream.local_kafka.configuration import Security
from bearing_stream.local_kafka.errors import LocalKafkaError

__all__ = ["LocalKafka", "LocalKafkaError", "Security"]
