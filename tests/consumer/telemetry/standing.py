"""A consumer in a thread, of which one partition can be made to stand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from structlog.testing import capture_logs

from bearing_stream.config import load
from consumer import assembly
from consumer.events import METRICS_SERVED
from consumer.kafka.clients import new_consumer
from consumer.service import Service
from consumer.settings import ConsumerSettings
from consumer.telemetry import partitions
from consumer.telemetry.served import Telemetry
from tests.endpoint_client import await_ready
from tests.kafka_tools import Topics


@dataclass
class Standing:
    """The consumer, its address, and the lines that it has logged."""

    topics: Topics
    address: str
    lines: list[Any]
    clients: list[Consumer] = field(default_factory=list)

    def stop_fetching(self, partition: int) -> None:
        """As if the client had stopped by itself: librdkafka has done so after an election."""
        self.clients[0].pause([TopicPartition(self.topics.windows, partition)])

    def fetch_again(self, partition: int) -> None:
        self.clients[0].resume([TopicPartition(self.topics.windows, partition)])


@contextmanager
def standing(topics: Topics, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standing]:
    """Run a consumer that finds within seconds what stands."""
    clients: list[Consumer] = []

    def remembered(*arguments: Any) -> Consumer:
        clients.append(new_consumer(*arguments))
        return clients[-1]

    monkeypatch.setattr(assembly, "new_consumer", remembered)
    monkeypatch.setattr(partitions, "INTERVAL", 0.5)
    monkeypatch.setattr(partitions, "STANDS_AFTER", 2.0)
    settings = load(ConsumerSettings, topics.settings | {"group": topics.group, "metrics_port": 0})
    telemetry = Telemetry.of(settings)
    with capture_logs() as lines, telemetry.serving(settings):
        [address] = [line["address"] for line in lines if line["event"] == METRICS_SERVED.name]
        service = Service(settings, telemetry)
        thread = threading.Thread(target=service.run)
        thread.start()
        try:
            await_ready(address)
            yield Standing(topics, address, lines, clients)
        finally:
            service.stop()
            thread.join()
