"""The consumer, put together on the cluster in memory."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, Producer

from consumer.delivery.at_least_once import Flushes
from consumer.delivery.base import Delivery
from consumer.delivery.exactly_once import Transactions
from consumer.kafka.source import WindowSource
from consumer.metrics import Metrics
from consumer.pipeline import Pipeline
from consumer.settings import ConsumerSettings
from model.assessor import Assessor
from tests.consumer.fake_clients import FakeConsumer, FakeProducer, fake_journal
from tests.consumer.fakes import Clock, Cluster, SlowAssessor, malformed, window

MESSAGES = [malformed(n) if n % 5 == 3 else window(n, n % 4) for n in range(200)]
"""What arrives, in this order; now and then a bad one."""


class World:
    """A consumer on a cluster in memory, and what can happen to it."""

    def __init__(
        self,
        guarantee: str = "exactly-once",
        batch_size: int = 4,
        wall_clock: Callable[[], float] = lambda: 2.0,
        each: float = 0.0,
        cluster: Cluster | None = None,
        **consumer_options: Any,
    ) -> None:
        """A consumer that has not polled yet.

        Args:
            guarantee: As the setting.
            batch_size: As the setting.
            wall_clock: Seconds since the epoch.
            each: Seconds that the assessor takes for a window.
            cluster: By default one of its own.
            **consumer_options: See `InMemoryConsumer`.
        """
        self.clock = Clock()
        self.born = self.clock.now
        self.cluster = Cluster() if cluster is None else cluster
        self.consumer = FakeConsumer(self.cluster, self.clock, **consumer_options)
        self.producers: list[FakeProducer] = []
        self.metrics = Metrics()
        self.source = WindowSource(
            cast("Consumer", self.consumer), "bearing.windows", self.metrics, lambda _: None
        )
        self.delivery = self._delivery(guarantee)
        self.delivery.start(1.0)
        self.pipeline = Pipeline(
            ConsumerSettings(batch_size=batch_size),
            self.source,
            cast("Assessor", SlowAssessor(self.clock, each)),
            self.delivery,
            self.metrics,
            self.clock,
            wall_clock,
            self.clock.sleep,
        )
        self.source.subscribe(self.pipeline.on_partitions_revoked, self.pipeline.on_partitions_lost)
        self._sent = 0

    def _delivery(self, guarantee: str) -> Delivery:
        if guarantee == "exactly-once":
            return Transactions(
                self._new_producer,
                self.source.membership,
                fake_journal(self.cluster, self.clock, self.source.committed),
                self.clock,
                self.clock.sleep,
            )
        return Flushes(self._new_producer, self.source.commit, self.clock)

    def _new_producer(self) -> Producer:
        self.producers.append(FakeProducer(self.cluster, self.clock))
        return cast("Producer", self.producers[-1])

    def arrive(self, partition: int, count: int) -> None:
        messages = MESSAGES[self._sent : self._sent + count]
        self.cluster.arrive(partition, *messages)
        self._sent += len(messages)

    def happens_in(self, call: str, event: Any) -> None:
        self.cluster.happens_in(call, event)

    def finish(self) -> None:
        """Let nothing more fail, give back what others hold, and go on until all is committed."""
        self.cluster.faults.clear()
        self.consumer.most = 1000
        self.consumer.assign_later(*range(self.cluster.partitions))
        for _ in range(200):
            self.pipeline.step()
            if self.cluster.committed == self.cluster.ends and not self.cluster.is_undecided:
                return
            if self.cluster.is_undecided:
                # What is undecided stays so until more comes.
                self.arrive(0, 1)
                self.arrive(1, 1)
        pytest.fail(f"still not finished: {self.cluster.committed} of {self.cluster.ends}")
