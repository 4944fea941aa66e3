"""What the project uses of `confluent_kafka.admin.AdminClient`, on the cluster in memory."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition

from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.metadata import ClusterMetadata, metadata


class ListOffsetsResultInfo(NamedTuple):
    """The offset that was asked for."""

    offset: int


class InMemoryAdmin:
    """An administrator of a cluster in memory."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> ClusterMetadata:  # noqa: ARG002
        self._cluster.in_call("list_topics")
        return metadata(self._cluster, topic)

    def list_offsets(
        self,
        partitions: Mapping[TopicPartition, Any],
        isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        request_timeout: float = -1,  # noqa: ARG002
    ) -> dict[TopicPartition, Future[ListOffsetsResultInfo]]:
        """The latest offsets: the high watermark, or with `READ_COMMITTED` the last stable one."""
        self._cluster.in_call("list_offsets")
        committed = isolation_level == IsolationLevel.READ_COMMITTED
        found = {}
        for partition in partitions:
            future: Future[ListOffsetsResultInfo] = Future()
            try:
                log = self._cluster.log_of(partition.topic, partition.partition)
            except KafkaException as failure:
                future.set_exception(failure)
            else:
                end = log.end("read_committed" if committed else "read_uncommitted")
                future.set_result(ListOffsetsResultInfo(end))
            found[partition] = future
        return found

    def delete_topics(self, topics: Iterable[str]) -> None:
        for name in topics:
            self._cluster.delete_topic(name)
