"""The two Kafka clients of the consumer, and its view of the output, on the in-memory Kafka."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from itertools import cycle
from typing import Any

from confluent_kafka import TopicPartition

from bearing_stream.kafka import BatchEnds, TransientKafkaError
from consumer.delivery.leaders import Leaders
from consumer.delivery.published import Mine, origin_of
from consumer.kafka.commit_note import CommitNote
from consumer.kafka.topic_log import LogRange
from consumer.liveness.deadline import Caller
from consumer.messages import Partition
from tests.consumer.fakes import (
    DEAD_LETTERS,
    GROUP,
    OUTPUT,
    WINDOWS,
    Clock,
    Cluster,
    StubAssessor,
)
from tests.kafka_in_memory.consumer import InMemoryConsumer
from tests.kafka_in_memory.producer import InMemoryProducer

MINE = Mine(DEAD_LETTERS, GROUP, (StubAssessor.name, StubAssessor.version))


class FakeConsumer(InMemoryConsumer):
    """What `WindowSource` uses of `confluent_kafka.Consumer`."""

    def __init__(self, cluster: Cluster, clock: Clock, **options: Any) -> None:
        super().__init__(
            cluster,
            clock,
            GROUP,
            partition_eof=True,
            rival=cluster.another_consumer_takes,
            **options,
        )

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
    """What `ExactlyOnce` and `AtLeastOnce` use of `confluent_kafka.Producer`."""

    def __init__(self, cluster: Cluster, clock: Clock, **options: Any) -> None:
        super().__init__(cluster, clock, group=GROUP, **options)


class FakeCaller(Caller):
    """Makes calls on the thread that awaits them: before what goes on meanwhile, or after it."""

    def __init__(self) -> None:
        self.early = cycle((True, False))
        """Of each call, in turn, whether it is made when it begins."""
        self._call: Callable[[], Any] = lambda: None

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = partial(function, *arguments)
        if next(self.early):
            try:
                self._call()
            except Exception as error:
                self._call = partial(_raise, error)
            else:
                self._call = lambda: None

    def wait(self, timeout: float) -> None:  # noqa: ARG002
        self._call()

    def close(self) -> None:
        self._call = lambda: None


def _raise(error: Exception) -> None:
    raise error


class FakeLeaders(Leaders):
    """The leaders of the output, which change when a broker dies."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._deaths: int | None = None

    def check(self, timeout: float) -> None:  # noqa: ARG002
        self._cluster.in_call("check_leaders")
        known, self._deaths = self._deaths, self._cluster.deaths
        if known not in (None, self._deaths):
            raise TransientKafkaError("a leader has changed")

    def reset(self) -> None:
        self._deaths = None


class FakeTopicLog:
    """The windows topic, asked about itself; see `consumer.kafka.topic_log.TopicLog`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def topic_id(self) -> str | None:
        self._cluster.in_call("topic_id")
        return str(self._cluster.topic(WINDOWS).id)

    def changed_id(self, known: str) -> str | None:
        found = str(self._cluster.topic(WINDOWS).id)
        return found if found != known else None

    def partitions(self) -> list[int]:
        return list(range(self._cluster.partitions))

    def ranges(self, partitions: Iterable[int]) -> dict[int, LogRange]:
        self._cluster.in_call("ranges")
        logs = self._cluster.topic(WINDOWS).logs
        found = {
            one: LogRange(logs[one].start, logs[one].high_watermark)
            for one in partitions
            if (WINDOWS, one) not in self._cluster.unled
        }
        if not found:
            raise TransientKafkaError("no leader responds")
        return found


def at_once(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Call a function as `in_thread` does, but in this thread."""
    result: Future[Any] = Future()
    try:
        result.set_result(function(*arguments))
    except Exception as error:
        result.set_exception(error)
    return result


class FakeBatchEnds(BatchEnds):
    """Finds the ends of the batches that `Cluster.damage` made."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__({}, 1.0)
        self._cluster = cluster

    def _last(self, place: Partition, first: int, reason: str) -> int:  # noqa: ARG002
        self._cluster.in_call("batch_ends")
        batch = self._cluster.damaged_batch(*place, first)
        assert batch is not None
        return batch[-1]


class FakePublished:
    """The output; see `consumer.kafka.resolver.PublishedResults`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def since(self, notes: Mapping[Partition, CommitNote]) -> dict[Partition, set[int]]:
        self._cluster.in_call("since")
        if any(log.open_producers for topic in OUTPUT for log in self._cluster.topic(topic).logs):
            raise TransientKafkaError("a transaction is open in the output")
        found: dict[Partition, set[int]] = {partition: set() for partition in notes}
        for topic, _, entry in self._cluster.visible(*OUTPUT):
            assert entry.message is not None
            result = origin_of(topic, entry.message, MINE)
            if result is not None and result[0] in notes:
                partition, offset = result
                if offset >= (notes[partition].first or 0):
                    found[partition].add(offset)
        return found
