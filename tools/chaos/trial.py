"""One trial: its own topics, a feed, consumers, injected faults, and the check at the end."""

import math
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException

from bearing_stream.commands.verify import Report
from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.config import load
from bearing_stream.kafka import FatalKafkaError, TopicSettings, create_topics
from bearing_stream.local_kafka import LocalKafka
from consumer.events import READY
from producer_sim import SensorStream
from tools.chaos.checks import Checks
from tools.chaos.errors import ChaosError
from tools.chaos.feed import Feed, FeedSettings
from tools.chaos.member import Member, consumer_arguments
from tools.chaos.offsets import Offsets
from tools.chaos.relay import Relays
from tools.chaos.subscriber import Subscriber

PARTITIONS: Final = 4

PATIENCE: Final = 120.0
"""Seconds after which an expected event counts as missing. Long, since the machine may be busy."""

SPREAD: Final = 0.25
"""Maximum seconds between the window at which a fault is due and its injection, which may then be
at any point of a transaction."""

POLL_PAUSE: Final = 0.05

TIMEOUTS: Final = ("--session-timeout=3", "--transaction-timeout=4", "--startup-timeout=100")
"""Shorter than the defaults, to make more faults fit into the time."""


@dataclass(frozen=True, slots=True)
class Order:
    """The parameters of a trial."""

    guarantee: Guarantee
    times: int
    """Faults to inject."""
    windows: int
    """Minimum number of windows in total."""
    seed: int
    folder: Path
    """The folder for the consumers' logs."""
    pace: FeedSettings
    streams: list[SensorStream] | None = None
    """The streams of the feed; see `feed.Feed`."""
    ends: float = math.inf
    """Monotonic time after which no further fault is injected."""


class Trial:
    """A context manager that leaves no process and no topic behind.

    Attributes:
        rng: The source of every random choice.
        notes: Counts of the fault, which show that it had the intended effect.
        recoveries: Seconds from each fault until every partition had a newer committed diagnosis.
        members: All consumers that were started, in order.
        excused: Those of them that may end with another status than 0.
        checks: What is checked in the end.
        groups: The consumer groups that must diagnose all windows.
        feed: What sends windows now.
        relays: Between the brokers and the consumers that are `relayed`.
    """

    def __init__(self, kafka: LocalKafka, order: Order) -> None:
        self.kafka = kafka
        self.order = order
        self.rng = random.Random(order.seed)
        self.notes: Counter[str] = Counter()
        self.recoveries: list[float] = []
        self.members: list[Member] = []
        self.excused: list[Member] = []
        self._sent = 0
        self._feeds = 1
        self.relays = Relays(kafka.relays)
        name = f"chaos-{uuid.uuid4().hex[:8]}"
        properties = kafka.client_properties
        given = {
            "bootstrap_servers": properties.pop("bootstrap.servers"),
            "kafka": properties,
            "windows_topic": f"{name}.windows",
            "diagnoses_topic": f"{name}.diagnoses",
            "dead_letters_topic": f"{name}.dead-letters",
        }
        self.topics = load(TopicSettings, given)
        self.group = name
        self.groups = [name]
        self.checks = Checks(self.topics, order.guarantee)
        self.create(*self.names)
        self.offsets = Offsets(self.topics, self.group)
        self.subscriber = Subscriber(
            self.topics.client_properties(), self.topics.diagnoses_topic, PARTITIONS
        )
        self.feed = Feed(self.topics, order.pace, order.streams)

    @property
    def names(self) -> tuple[str, str, str]:
        """Windows, diagnoses, dead letters."""
        topics = self.topics
        return topics.windows_topic, topics.diagnoses_topic, topics.dead_letters_topic

    def __enter__(self) -> Self:
        self.subscriber.start()
        self.feed.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for member in self.members:
            member.kill()
        self.relays.__exit__(None, None, None)
        self.feed.abandon()
        self.subscriber.stop()
        # A cluster that no longer responds is deleted as a whole.
        with suppress(KafkaException):
            self.offsets.delete(*self.names)
        self.offsets.close()

    def create(self, *topics: str) -> None:
        """Create topics."""
        create_topics(self.topics.client_properties(), dict.fromkeys(topics, PARTITIONS))

    def consumer(
        self,
        *options: str,
        program: str = "bearing_stream",
        ready: bool = True,
        relayed: bool = False,
        group: str = "",
    ) -> Member:
        """Start a consumer of the group, and wait until it is ready to join.

        Args:
            *options: Further options of `consume`.
            program: The module to run.
            ready: Whether to wait.
            relayed: It reaches the brokers through `relays`; everything else does not.
            group: By default the group under test.

        Raises:
            ChaosError: It did not become ready.
        """
        topics = self.topics
        if relayed:
            servers = self.relays.bootstrap_servers()
            topics = topics.model_copy(update={"bootstrap_servers": servers})
        arguments = [
            *consumer_arguments(topics, group or self.group),
            f"--guarantee={self.order.guarantee}",
            "--device=cpu",
            *TIMEOUTS,
            *options,
        ]
        log = self.order.folder / f"consumer-{len(self.members) + 1}.log"
        self.members.append(Member(program, arguments, log))
        if ready:
            self.members[-1].await_event(READY)
        return self.members[-1]

    def moments(self) -> Iterator[int]:
        """Yield the number of each injection at its moment, which is drawn from the seed.

        Fewer than ordered, and at least one, where the time is over.

        Raises:
            ChaosError: The consumers make no progress.
        """
        share = self.order.windows / self.order.times
        self.until(lambda: self.subscriber.count > 0, "the first diagnosis")
        for number in range(self.order.times):
            if number and time.monotonic() >= self.order.ends:
                return
            self.await_diagnoses(round((number + self.rng.random()) * share))
            time.sleep(self.rng.uniform(0, SPREAD))
            yield number

    def await_diagnoses(self, count: int) -> None:
        """Wait until so many diagnoses are committed in total.

        Raises:
            ChaosError: They are not in time.
        """
        self.until(lambda: self.subscriber.count >= count, f"{count} diagnoses")

    @contextmanager
    def fault(self) -> Iterator[None]:
        """Measure the time from the start of the block until every partition has new diagnoses.

        Raises:
            ChaosError: A partition has none in time.
        """
        began, acknowledged = time.monotonic(), self.feed.acknowledged
        self.subscriber.expect_news()
        yield
        try:
            self.until(self.subscriber.has_news, "diagnoses in every partition")
        except ChaosError as failure:
            unread = self.offsets.describe_unread(self.subscriber.next)
            raise ChaosError(
                f"no diagnoses in partitions {self.subscriber.missing()} after fault "
                f"{len(self.recoveries)}, since which Kafka acknowledged "
                f"{self.feed.acknowledged - acknowledged} windows: {failure}; {unread}"
            ) from None
        self.recoveries.append(time.monotonic() - began)

    def until(self, condition: Callable[[], bool], what: str, limit: float = PATIENCE) -> None:
        """Wait for a condition; errors of Kafka while evaluating it are ignored.

        Raises:
            ChaosError: It does not hold in time.
        """
        deadline = time.monotonic() + limit
        while True:
            with suppress(KafkaException, FatalKafkaError):
                if condition():
                    return
            if time.monotonic() > deadline:
                raise ChaosError(f"waited {limit:g} s for {what}")
            self.check_members()
            time.sleep(POLL_PAUSE)

    def check_members(self) -> None:
        """Check that no consumer has ended with an error; start one again that its client ended.

        Raises:
            ChaosError: One has.
        """
        for member in self.members:
            if member in self.excused:
                continue
            if end := member.end_by_client:
                self.notes[end] += 1
                member.start_again()
            elif (member.status or 0) > 0:
                raise ChaosError(f"{member.log}: ended with status {member.status}")

    def stop_feed(self, burst: int = 0) -> None:
        """Stop the feed; with `burst`, send so many windows at once first."""
        windows = self.feed.acknowledged + burst if burst else 0
        self._sent += self.feed.finish(windows)

    def start_feed(self) -> None:
        """Start another feed, whose windows have other ids, after `stop_feed`."""
        self.feed = Feed(
            self.topics, self.order.pace, self.feed.streams, run=f"steady-{self._feeds}"
        )
        self._feeds += 1
        self.feed.start()

    def forget_windows(self) -> None:
        """Check only what is sent and diagnosed from now on: the windows topic was deleted."""
        self.checks.forget_windows()
        self._sent = 0

    def finish(self) -> None:
        """End the feed, and let the consumers catch up and stop.

        Raises:
            ChaosError: They do not, or Kafka has lost windows that it had acknowledged.
        """
        self.stop_feed(max(self.order.windows - self._sent - self.feed.acknowledged, 0))

        def held() -> int:
            return sum(span.end for span in self.offsets.windows().values())

        # A leader that was just elected may know late that it holds them (KIP-207).
        with suppress(ChaosError):
            self.until(lambda: held() >= self._sent, "the acknowledged windows")
        if (ends := held()) < self._sent:
            raise ChaosError(f"Kafka has {ends} of {self._sent} acknowledged windows")
        self.await_caught_up()
        for member in self.members:
            if member.running:
                member.stop()

    def await_caught_up(self) -> None:
        """Wait until every group has diagnosed what the windows topic holds now.

        Raises:
            ChaosError: The committed offsets do not change any more.
        """
        ends = {partition: span.end for partition, span in self.offsets.windows().items()}
        reached: list[dict[int, int]] = [{} for _ in self.groups]
        moved = time.monotonic()
        while any(group.get(number, 0) < end for number, end in ends.items() for group in reached):
            before = reached
            self.until(lambda: bool(self.offsets.committed()), "a committed offset")
            reached = [self.offsets.committed(group) for group in self.groups]
            if reached != before:
                moved = time.monotonic()
            if time.monotonic() - moved > PATIENCE:
                raise ChaosError(f"the offsets stay at {reached} of {ends}")
            self.check_members()
            time.sleep(POLL_PAUSE)

    def check(self) -> Report:
        """Count the results in the topics."""
        return self.checks.run()
