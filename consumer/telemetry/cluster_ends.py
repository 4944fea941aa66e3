"""Asks the brokers where partitions end."""

from collections.abc import Iterable

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from bearing_stream.kafka import Ends, TransientKafkaError, explain
from bearing_stream.kafka.connection import Properties
from consumer.liveness.probe import find_waiting
from consumer.messages import Partition


class ClusterEnds:
    """The topic that a stage reads, and one that it writes; see `partitions.Cluster`."""

    def __init__(
        self,
        admin: AdminClient,
        properties: Properties,
        topic: str,
        output: str,
        timeout: float,
    ) -> None:
        """Use a client.

        Args:
            admin: Of a user who may describe both topics.
            properties: Connection properties, for a client that reads.
            topic: Whose partitions are asked for.
            output: Whose partitions are always included.
            timeout: Seconds to wait for a response.
        """
        self._admin = admin
        self._properties = properties
        self._topic = topic
        self._output = output
        self._timeout = timeout

    def ends(self, partitions: Iterable[Partition]) -> dict[Partition, Ends]:
        """See `partitions.Cluster`."""
        asked = [TopicPartition(*partition) for partition in partitions]
        try:
            # Also refreshes the leader epochs that this client keeps: see `ClusterTopicLog`.
            self._admin.list_topics(self._topic, self._timeout)
            output = self._admin.list_topics(self._output, self._timeout)
        except KafkaException as failure:
            raise TransientKafkaError(explain(failure.args[0])) from None
        known = output.topics[self._output].partitions
        asked += [TopicPartition(self._output, number) for number in known]
        stable = self._latest(asked, IsolationLevel.READ_COMMITTED)
        high = self._latest(asked, IsolationLevel.READ_UNCOMMITTED)
        # Records may come between the two questions.
        return {
            partition: Ends(end, max(end, high[partition]))
            for partition, end in stable.items()
            if partition in high
        }

    def first_message(self, partition: Partition, position: int) -> int | None:
        """See `partitions.Cluster`."""
        found = find_waiting(self._properties, self._topic, {partition: position})
        return None if found is None else found.offset

    def _latest(
        self, partitions: list[TopicPartition], isolation: IsolationLevel
    ) -> dict[Partition, int]:
        if not partitions:
            return {}
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = self._admin.list_offsets(
            dict.fromkeys(partitions, latest),
            isolation_level=isolation,
            request_timeout=self._timeout,
        )
        found: dict[Partition, int] = {}
        for place, response in asked.items():
            try:
                found[place.topic, place.partition] = response.result(self._timeout + 1).offset
            except (KafkaException, TimeoutError):
                # Its leader does not respond, or it has none.
                continue
        return found
