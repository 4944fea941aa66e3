"""Reading a range of a topic: through leaders that know less, and clients that stop fetching."""

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError

from bearing_stream.kafka import FatalKafkaError, Span, TopicReader
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
        monkeypatch.setattr("bearing_stream.kafka.reading.Consumer", self._client)

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
