"""The consumer, put together on the cluster in memory."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, Self, cast

import pytest
from confluent_kafka import Consumer, Producer

from bearing_stream.wire import Message, decode_diagnosis
from consumer.batch import Batch
from consumer.delivery.at_least_once import AtLeastOnce
from consumer.delivery.base import Bounds, Delivery, Publisher
from consumer.delivery.exactly_once import ExactlyOnce
from consumer.delivery.states import State
from consumer.dispatcher import Dispatcher
from consumer.kafka.awaited import AwaitedLeaders
from consumer.kafka.client_errors import ClientErrors
from consumer.kafka.positions import Tracker
from consumer.kafka.resolver import Resolver
from consumer.kafka.source import WindowSource
from consumer.kafka.start import StartFrom
from consumer.metrics import Metrics
from consumer.pipeline import Pipeline
from consumer.settings import ConsumerSettings
from consumer.telemetry.observers import Observer
from model.assessor import Assessor
from tests.consumer.fake_clients import (
    FakeBatchEnds,
    FakeCaller,
    FakeConsumer,
    FakeLeaders,
    FakeProducer,
    FakePublished,
    FakeTopicLog,
    at_once,
)
from tests.consumer.fakes import (
    DIAGNOSES,
    GROUP,
    OUTPUT,
    WINDOWS,
    Clock,
    Cluster,
    FakeExaminer,
    SlowAssessor,
    StubAssessor,
    malformed,
    measurement,
    window,
)

Guarantee = Literal["exactly-once", "at-least-once"]


def _message(number: int) -> Message:
    if number % 5 == 3:
        return malformed(number)
    if number % 7 == 5:
        # Up to six windows: more than a batch of most worlds holds.
        rate = 48_000 if number % 2 else 12_000
        return measurement(number, number % 4, 1 + number % 6, rate)
    return window(number, number % 4)


MESSAGES = [_message(number) for number in range(200)]
"""What arrives, in this order: windows, longer measurements, and now and then a bad one."""

GOOD = [window(number, number % 4) for number in range(60)]
"""Windows that are no malformed messages."""


def ids(first: int, end: int) -> list[str]:
    """The ids of some windows of `GOOD`."""
    return [f"w{number:06d}" for number in range(first, end)]


class World:
    """A consumer on a cluster in memory, and what can happen to it."""

    def __init__(
        self,
        guarantee: Guarantee = "exactly-once",
        batch_size: int = 4,
        wall_clock: Callable[[], float] = lambda: 2.0,
        each: float = 0.0,
        cluster: Cluster | None = None,
        start_from: StartFrom = "earliest",
        stop_on_gap: bool = False,
        letter_limit: int | None = None,
        assessor: StubAssessor | None = None,
        transactional_id: str = "consumer-1",
        observers: Sequence[Observer] = (),
        **consumer_options: Any,
    ) -> None:
        """A consumer that has not polled yet.

        Args:
            guarantee: As the setting.
            batch_size: As the setting.
            wall_clock: Seconds since the epoch.
            each: Seconds that the assessor takes for a window.
            cluster: By default one of its own.
            start_from: As the setting.
            stop_on_gap: As the setting `on_gap`.
            letter_limit: Bytes of the largest dead letter.
            assessor: By default one that reads the label off the first sample.
            transactional_id: The first of its producers; where the cluster knows it, this consumer
                is the successor of the one that had it.
            observers: Notified of its batches.
            **consumer_options: See `InMemoryConsumer`.
        """
        self.clock = Clock()
        self.born = self.clock.now
        self.cluster = Cluster() if cluster is None else cluster
        self.consumer = FakeConsumer(self.cluster, self.clock, **consumer_options)
        self.producers: list[FakeProducer] = []
        self.transactional_ids = (transactional_id, f"{transactional_id}.second")
        self.caller = FakeCaller()
        self.metrics = Metrics()
        settings = ConsumerSettings.model_validate(
            {"batch_size": batch_size, "guarantee": guarantee, "group": GROUP}
        )
        exactly_once = guarantee == "exactly-once"
        consumer = cast("Consumer", self.consumer)
        log = FakeTopicLog(self.cluster)
        resolver = Resolver(
            consumer,
            log,
            self.metrics,
            start_from=start_from,
            stop_on_gap=stop_on_gap,
            published=FakePublished(self.cluster) if exactly_once else None,
            awaited=AwaitedLeaders(log, self.clock, at_once),
            wall_clock=wall_clock,
        )
        self.tracker = Tracker(leaves_marks=exactly_once)
        errors = ClientErrors(GROUP, lambda _: None, self.clock)
        self.source = WindowSource(
            consumer,
            WINDOWS,
            self.tracker,
            resolver,
            FakeBatchEnds(self.cluster),
            self.metrics,
            errors,
            self.clock,
        )
        self.delivery = self._delivery(settings)
        self.delivery.start(1.0)
        assessor = assessor or SlowAssessor(self.clock, each)
        dispatcher = Dispatcher(
            settings,
            cast("Assessor", assessor),
            self.delivery,
            self.metrics,
            letter_limit=letter_limit,
            observers=observers,
            clock=self.clock,
            wall_clock=wall_clock,
        )
        duration = settings.target_batch_duration
        ahead = FakeExaminer(assessor)
        batch = Batch(settings.batch_size, settings.max_delay, duration, settings, ahead)
        self.pipeline = Pipeline(
            settings,
            self.source,
            batch,
            dispatcher,
            self.delivery,
            self.metrics,
            self.clock,
            self.clock.sleep,
        )
        self.source.subscribe(self.pipeline)
        self._sent = 0

    def _delivery(self, settings: ConsumerSettings) -> Delivery:
        bounds = Bounds(settings.commit_interval, 16 * 2**20)
        if settings.guarantee == "exactly-once":
            return ExactlyOnce(
                [partial(self._new_producer, each) for each in self.transactional_ids],
                self.source.membership,
                bounds,
                unreplicated=frozenset(OUTPUT),
                leaders=FakeLeaders(self.cluster),
                windows_topic=WINDOWS,
                claims_predecessor=any(
                    self.cluster.transactions.epoch(each) for each in self.transactional_ids
                ),
                clock=self.clock,
                sleep=self.clock.sleep,
                caller=self.caller,
            )
        return AtLeastOnce(
            self._new_producer, self.source.commit, bounds, self.clock, self.clock.sleep
        )

    def _new_producer(self, transactional_id: str = "") -> Producer:
        self.producers.append(
            FakeProducer(self.cluster, self.clock, transactional_id=transactional_id)
        )
        return cast("Producer", self.producers[-1])

    @property
    def producer(self) -> FakeProducer:
        """The one whose turn it is."""
        assert isinstance(self.delivery, Publisher)
        return cast("FakeProducer", self.delivery._producer)

    def joined(self) -> Self:
        """Join the group, and find where its partitions begin."""
        while self.tracker.unresolved or not self.tracker.owned:
            self.pipeline.step()
        self.born = self.clock.now
        return self

    def arrive(self, partition: int, count: int) -> None:
        messages = MESSAGES[self._sent : self._sent + count]
        self.cluster.arrive(partition, *messages)
        self._sent += len(messages)

    def rounds(self, count: int = 30) -> None:
        for _ in range(count):
            self.pipeline.step()

    def diagnosed(self, version: str = StubAssessor.version) -> list[str]:
        """The ids of the windows that the model of this version has diagnosed, sorted."""
        found = [
            decode_diagnosis(message.headers, message.value)[1]
            for topic, message in self.cluster.output
            if topic == DIAGNOSES
        ]
        return sorted(one.window_id for one in found if one.model.version == version)

    def happens_in(self, call: str, event: Any) -> None:
        self.cluster.happens_in(call, event)

    def commits_in_part(self, *without: object) -> None:
        """Let the markers of the next commit miss these partitions, as a broker that dies does."""

        def commit() -> None:
            self.cluster.leaderless = frozenset(without)
            self.cluster.deaths += 1

        self.happens_in("commit_transaction", commit)

    def is_finished(self) -> bool:
        """Whether every window is processed, and the consumer knows of it."""
        ends = self.cluster.ends
        reached, committed = self.source.positions(), self.cluster.committed
        return (
            all(committed.get(partition) == end for partition, end in ends.items())
            and all(reached.get(partition, 0) >= end for partition, end in ends.items())
            and self.delivery.state is State.IDLE
            and not self.cluster.is_undecided
        )

    def finish(self) -> None:
        """Let nothing more fail, give back what others hold, and go on until all is committed."""
        self.cluster.faults.clear()
        self.cluster.unled.clear()
        self.consumer.most = 1000
        self.consumer.assign_later(*range(self.cluster.partitions))
        finished = 0
        for _ in range(200):
            self.pipeline.step()
            # A window in the batch shows only when it is dispatched.
            finished = finished + 1 if self.is_finished() else 0
            if finished == 3:
                return
            if self.cluster.is_undecided:
                # What is undecided stays so until more comes.
                self.arrive(0, 1)
                self.arrive(1, 1)
        pytest.fail(f"still not finished: {self.cluster.committed} of {self.cluster.ends}")
