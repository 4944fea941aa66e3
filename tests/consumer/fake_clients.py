"""The two Kafka clients of the consumer, and its view of the output, on the in-memory Kafka."""

from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition

from bearing_stream.kafka import TransientKafkaError
from consumer.batch import Partition, Positions
from consumer.delivery.recovery import Ends, Journal, Seen
from tests.consumer.fakes import DEAD_LETTERS, GROUP, OUTPUT, Clock, Cluster
from tests.kafka_in_memory.admin import InMemoryAdmin
from tests.kafka_in_memory.consumer import InMemoryConsumer
from tests.kafka_in_memory.producer import InMemoryProducer


class FakeConsumer(InMemoryConsumer):
    """What `WindowSource` uses of `confluent_kafka.Consumer`."""

    def __init__(self, cluster: Cluster, clock: Clock, **options: Any) -> None:
        super().__init__(cluster, clock, GROUP, rival=cluster.another_consumer_takes, **options)

    def get_watermark_offsets(
        self, where: TopicPartition, timeout: float = -1, cached: bool = False
    ) -> tuple[int, int]:
        assert cached, "asking the broker in every round would cost a round trip"
        return super().get_watermark_offsets(where, timeout, cached)

    @property
    def begins_at(self) -> int | None:
        """Where a partition begins of which nothing was ever committed."""
        return self.fetcher.begins_at

    @begins_at.setter
    def begins_at(self, offset: int) -> None:
        self.fetcher.begins_at = offset

    @property
    def out_of_range_at(self) -> int | None:
        """Where it goes when its place does not exist; by default to the first message there is."""
        return self.fetcher.out_of_range_at

    @out_of_range_at.setter
    def out_of_range_at(self, offset: int) -> None:
        self.fetcher.out_of_range_at = offset


class FakeProducer(InMemoryProducer):
    """What `Transactions` and `Flushes` use of `confluent_kafka.Producer`."""

    def __init__(self, cluster: Cluster, clock: Clock, **options: Any) -> None:
        super().__init__(cluster, clock, group=GROUP, **options)

    def commit_without_telling(self) -> None:
        """The commit gets through and its response does not."""
        self.commit_without_response()


class FakeOutput:
    """The output topics as their readers see them; see `consumer.delivery.recovery.Output`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._admin = InMemoryAdmin(cluster)

    def ends(self) -> Ends:
        self._cluster.in_call("ends")
        return self._ends(IsolationLevel.READ_UNCOMMITTED)

    def read(self, after: Ends, until: Ends) -> Seen:
        self._cluster.in_call("read")
        stable, seen = self._ends(IsolationLevel.READ_COMMITTED), Seen()
        for topic, ends in until.items():
            for number, end in ends.items():
                if stable[topic][number] < end:
                    raise TransientKafkaError(
                        f"a transaction is open in partition {number} of '{topic}'"
                    )
        for topic, number, entry in self._cluster.visible(*OUTPUT):
            if after[topic][number] <= entry.offset < until[topic][number]:
                assert entry.message is not None
                note = seen.note_dead_letter if topic == DEAD_LETTERS else seen.note_diagnosis
                note(entry.message)
        return seen

    def _ends(self, isolation: IsolationLevel) -> Ends:
        asked = [
            TopicPartition(topic, number)
            for topic in OUTPUT
            for number in range(len(self._cluster.topic(topic).logs))
        ]
        found: Ends = {topic: {} for topic in OUTPUT}
        listed = self._admin.list_offsets(dict.fromkeys(asked), isolation)
        for partition, offset in listed.items():
            found[partition.topic][partition.partition] = offset.result().offset
        return found


def fake_journal(
    cluster: Cluster, clock: Clock, committed: Callable[[Iterable[Partition]], Positions]
) -> Journal:
    """A journal of what is published to the cluster in memory."""
    return Journal(FakeOutput(cluster), committed, lambda: cluster.deaths, clock)
