"""Reading a range of a topic: through leaders that know less, and clients that stop fetching."""

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bearing_stream.kafka import (
    BatchEnds,
    FatalKafkaError,
    Span,
    TopicReader,
    TransientKafkaError,
)
from bearing_stream.kafka.reading import STALL_TIMEOUT
from bearing_stream.wire import Message
from tests.kafka_in_memory.clock import Clock
from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.consumer import InMemoryConsumer
from tests.kafka_in_memory.polled import Polled

TOPIC = "windows"


class Client(InMemoryConsumer):
    """A client that can stop fetching, as librdkafka's did after a broker restarted."""

    def __init__(self, cluster: Cluster, clock: Clock, limit: int | None = None) -> None:
        super().__init__(cluster, clock, partition_eof=True)
        self.clock = clock
        self.limit = limit
        self.is_closed = False

    def consume(self, most: int, timeout: float) -> list[Polled]:
        """At most `limit` messages in all."""
        if self.limit == 0:
            self.clock.now += timeout
            return []
        messages = super().consume(most if self.limit is None else min(most, self.limit), timeout)
        if self.limit is not None:
            self.limit -= len(messages)
        return messages

    def close(self) -> None:
        """Leave."""
        self.is_closed = True


class World:
    """A topic of one partition with ten messages, and the clients that a reader makes of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *limits: int | None) -> None:
        self.cluster = Cluster(partitioner=lambda *_: 0)
        self.clock = Clock()
        self.cluster.create_topic(TOPIC, 1)
        for number in range(10):
            self.cluster.append(TOPIC, 0, Message(b"key", b"%d" % number, []))
        self.clients: list[Client] = []
        self._limits = list(limits)
        for module in ("reading", "unreadable"):
            monkeypatch.setattr(f"bearing_stream.kafka.{module}.Consumer", self._client)

    def _client(self, _properties: object) -> Client:
        limit = self._limits.pop(0) if self._limits else None
        self.clients.append(Client(self.cluster, self.clock, limit))
        return self.clients[-1]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    return lambda *limits: World(monkeypatch, *limits)


def read(end: int = 10) -> list[int | None]:
    with TopicReader({}, TOPIC) as reader:
        return [message.offset() for message in reader.read({0: Span(0, end)})]


def test_it_reads_on_after_a_leader_that_knows_less(world: Callable[..., World]) -> None:
    cluster = world().cluster
    cluster.error_before(TOPIC, 0, 4, KafkaError(KafkaError._PARTITION_EOF))
    assert read() == list(range(10))


def test_a_client_that_stops_fetching_is_replaced(world: Callable[..., World]) -> None:
    made = world(3, 0)
    began = made.clock.now
    assert read() == list(range(10))
    assert [client.is_closed for client in made.clients] == [True, True, True]
    assert made.clock.now - began == 2 * STALL_TIMEOUT


def test_offsets_that_never_come_are_named(world: Callable[..., World]) -> None:
    made = world()
    began = made.clock.now
    with pytest.raises(FatalKafkaError, match=r"offsets 10 to 11 of partition 0 are missing"):
        read(end=12)
    assert made.clock.now - began == 30


def test_a_batch_that_cannot_be_unpacked_is_one_message(world: Callable[..., World]) -> None:
    cluster = world().cluster
    for batch in (range(2, 5), range(5, 6), range(8, 10)):
        cluster.damage(TOPIC, 0, batch)
    assert read() == [0, 1, 4, 5, 6, 7, 9]
    assert read(end=9) == [0, 1, 4, 5, 6, 7], "the range ends within the batch"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.integers(0, 9), end=st.integers(1, 10), then=st.integers(0, 10), holes=st.booleans()
)
def test_the_end_of_a_batch_is_found(
    world: Callable[..., World], first: int, end: int, then: int, holes: bool
) -> None:
    cluster = world().cluster
    batch = range(first, max(end, first + 1))
    cluster.damage(TOPIC, 0, batch)
    if then > batch.stop:
        cluster.damage(TOPIC, 0, range(batch.stop, then))
    if holes:
        # As a transaction's marker, or compaction, leaves behind it.
        cluster.log_of(TOPIC, 0).compact(range(batch.stop, batch.stop + 1))
    found = BatchEnds({}, 10.0).find((TOPIC, 0), first, "damaged")
    assert (found.first, found.last) == (batch[0], batch[-1])


def test_a_search_that_takes_too_long_is_continued(world: Callable[..., World]) -> None:
    cluster = world().cluster
    cluster.damage(TOPIC, 0, range(2, 9))
    ends = BatchEnds({}, 10.0)
    cluster.happens_in("consume", lambda: None)
    cluster.happens_in("consume", KafkaException(KafkaError(KafkaError._TIMED_OUT)))
    with pytest.raises(TransientKafkaError):
        ends.find((TOPIC, 0), 2, "damaged")
    cluster.happens_in("get_watermark_offsets", AssertionError("it begins anew"))
    assert ends.find((TOPIC, 0), 2, "damaged").last == 8
