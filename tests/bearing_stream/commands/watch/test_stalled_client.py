"""`watch` reads on when its client has stopped fetching, and only then."""

from types import SimpleNamespace
from typing import Any

import pytest

from bearing_stream.commands.watch.reader import STALL_INTERVAL, DiagnosisReader
from bearing_stream.commands.watch.settings import WatchSettings
from tests.bearing_stream.commands.watch.examples import message
from tests.kafka_in_memory.clock import Clock
from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.consumer import InMemoryConsumer
from tests.kafka_in_memory.polled import Polled

TOPIC = WatchSettings().diagnoses_topic


class Client(InMemoryConsumer):
    """A client that can stop fetching."""

    stalled = False

    def consume(self, most: int, timeout: float) -> list[Polled]:
        """Messages, unless it has stopped fetching."""
        if self.stalled:
            self._clock.now += timeout
            return []
        return super().consume(most, timeout)

    def incremental_assign(self, partitions: list[Any]) -> None:
        """Read these partitions too."""
        self.fetcher.topic = TOPIC
        for each in partitions:
            self.fetcher.start(each.partition, each.offset)


class World:
    """A topic of two partitions, a clock, and the clients that the reader makes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, from_beginning: bool = False) -> None:
        self.cluster = Cluster(partitioner=lambda *_: 0)
        self.cluster.create_topic(TOPIC, 2)
        self.clock = Clock()
        self.clients: list[Client] = []
        module = "bearing_stream.commands.watch.reader"
        monkeypatch.setattr(f"{module}.Consumer", self._client)
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(monotonic=self.clock))
        self.reader = DiagnosisReader(WatchSettings(from_beginning=from_beginning))

    def _client(self, _properties: object) -> Client:
        self.clients.append(Client(self.cluster, self.clock, partition_eof=True))
        return self.clients[-1]

    def send(self, *windows: str) -> None:
        self.cluster.append(TOPIC, 0, *(message(window) for window in windows))

    def watch(self, seconds: float) -> list[str]:
        """The windows of the diagnoses received within some seconds."""
        end, received = self.clock.now + seconds, []
        while self.clock.now < end:
            received += [each.diagnosis.window_id for each in self.reader.read()]
        return received


def test_a_client_that_stops_fetching_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.watch(1)
    world.send("1", "2")
    assert world.watch(1) == ["1", "2"]
    world.clients[0].stalled = True
    world.send("3", "4")
    assert world.watch(3 * STALL_INTERVAL) == ["3", "4"]
    assert len(world.clients) == 2


def test_a_client_that_never_begins_to_fetch_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, from_beginning=True)
    world.clients[0].stalled = True
    world.send("1")
    assert world.watch(3 * STALL_INTERVAL) == ["1"]


def test_a_quiet_topic_that_ends_in_markers_keeps_its_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch)
    world.watch(1)
    world.cluster.append_in_transaction(TOPIC, 0, message("1"))
    world.cluster.append_in_transaction(TOPIC, 0, message("2"), committed=False)
    assert world.watch(5 * STALL_INTERVAL) == ["1"]
    assert len(world.clients) == 1
