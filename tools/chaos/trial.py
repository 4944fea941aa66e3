"""One trial: topics of its own, a feed, consumers, injected faults, and the checker at the end."""

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

from bearing_stream.commands.verify import Report, VerifySettings, verify
from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.config import load
from bearing_stream.kafka import FatalKafkaError, TopicSettings, create_topics
from bearing_stream.local_kafka import LocalKafka
from producer_sim import SensorStream
from tools.chaos.errors import ChaosError
from tools.chaos.feed import Feed, Pace
from tools.chaos.member import Member, consumer_arguments
from tools.chaos.offsets import Offsets
from tools.chaos.subscriber import Subscriber

PARTITIONS: Final = 4

PATIENCE: Final = 120.0
"""Seconds after which something that should have happened has not. Long: it may be a machine that
does other things too."""

SPREAD: Final = 0.25
"""Seconds, at most, between the window at which a fault is due and the fault: it may come at any
point of a transaction."""

LOOK_PAUSE: Final = 0.05

HELD: Final = 0.4
"""Seconds that a transaction stays open which its consumer has not asked Kafka to commit: what was
on its way when it was frozen has arrived by then."""

TIMEOUTS: Final = ("--session-timeout=3", "--transaction-timeout=4", "--startup-timeout=100")
"""Shorter than by default, for as many faults as there is time for."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a trial is to do."""

    guarantee: Guarantee
    times: int
    """Faults to inject."""
    windows: int
    """At least so many, all in all."""
    seed: int
    folder: Path
    """For the consumers' logs."""
    pace: Pace
    streams: list[SensorStream] | None = None
    """Of the feed; see `feed.Feed`."""


class Trial:
    """A `with` block of it leaves no process and no topic behind.

    Attributes:
        rng: Every choice of a fault comes from here.
        notes: What the fault counts, to show that it was what it is called.
        recoveries: Seconds from each fault until every partition had a newer committed diagnosis.
        members: All consumers that were started, in that order.
        excused: Those of them that may end with a status other than 0.
        checked_from: Partition → offset from which on windows are checked, where answers to
            earlier ones were deleted.
    """

    def __init__(self, kafka: LocalKafka, order: Order) -> None:
        self.kafka = kafka
        self.order = order
        self.rng = random.Random(order.seed)
        self.notes: Counter[str] = Counter()
        self.recoveries: list[float] = []
        self.members: list[Member] = []
        self.excused: list[Member] = []
        self.checked_from: dict[int, int] = {}
        name = f"chaos-{uuid.uuid4().hex[:8]}"
        reach = kafka.client_properties
        given = {
            "bootstrap_servers": reach.pop("bootstrap.servers"),
            "kafka": reach,
            "windows_topic": f"{name}.windows",
            "diagnoses_topic": f"{name}.diagnoses",
            "dead_letters_topic": f"{name}.dead-letters",
        }
        self.topics = load(TopicSettings, given)
        self.group = name
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
        self.feed.abandon()
        self.subscriber.stop()
        # A cluster that was broken for good goes as a whole.
        with suppress(KafkaException):
            self.offsets.delete(*self.names)
        self.offsets.close()

    def create(self, *topics: str) -> None:
        """Create topics."""
        create_topics(self.topics.client_properties(), dict.fromkeys(topics, PARTITIONS))

    def consumer(
        self, *options: str, program: str = "bearing_stream", ready: bool = True
    ) -> Member:
        """Start a consumer of the group, and wait until it is ready to join.

        Raises:
            ChaosError: It did not get ready.
        """
        arguments = [
            *consumer_arguments(self.topics, self.group),
            f"--guarantee={self.order.guarantee}",
            "--device=cpu",
            *TIMEOUTS,
            *options,
        ]
        log = self.order.folder / f"consumer-{len(self.members) + 1}.log"
        self.members.append(Member(program, arguments, log))
        if ready:
            self.members[-1].await_event("ready")
        return self.members[-1]

    def moments(self) -> Iterator[int]:
        """Number the injections; each comes when its moment does, drawn from the seed.

        Raises:
            ChaosError: The consumers do not get on.
        """
        share = self.order.windows / self.order.times
        self.until(lambda: self.subscriber.count > 0, "the first diagnosis")
        for number in range(self.order.times):
            self.await_diagnoses(round((number + self.rng.random()) * share))
            time.sleep(self.rng.uniform(0, SPREAD))
            yield number

    def await_diagnoses(self, count: int) -> None:
        """Wait until so many diagnoses were committed, all in all.

        Raises:
            ChaosError: They are not.
        """
        self.until(lambda: self.subscriber.count >= count, f"{count} diagnoses")

    @contextmanager
    def fault(self) -> Iterator[None]:
        """Measure: from the beginning of the block until every partition has newer diagnoses.

        Raises:
            ChaosError: It does not come to that.
        """
        began, taken = time.monotonic(), self.feed.taken
        self.subscriber.expect_news()
        yield
        if not self.subscriber.await_news(PATIENCE):
            raise ChaosError(
                f"no diagnoses in every partition for {PATIENCE:g} s after fault "
                f"{len(self.recoveries)}, since which Kafka took {self.feed.taken - taken} windows"
            )
        self.recoveries.append(time.monotonic() - began)

    def freeze_in_transaction(
        self, member: Member, held: float = 0.0, client_id: str | None = None
    ) -> None:
        """Freeze a consumer at a moment when a transaction is open, for `held` seconds on end.

        Args:
            member: It.
            held: After that long the transaction is still open.
            client_id: Its own, where there are others: the transaction is then open in a partition
                that the group has given to it, before and after. A diagnosis goes to the partition
                that its window came from.
        """

        def caught() -> bool:
            member.freeze()
            before = self.offsets.open_transaction(client_id)
            if before:
                time.sleep(held)
                after = self.offsets.open_transaction(client_id)
                if before.items() & after.items():
                    return True
            member.thaw()
            time.sleep(self.rng.uniform(0.001, 0.05))
            return False

        self.until(caught, "a transaction to be open")
        self.notes["in a transaction"] += 1

    def until(self, condition: Callable[[], bool], what: str, limit: float = PATIENCE) -> None:
        """Wait for something; trouble in looking for it passes.

        Raises:
            ChaosError: It does not come.
        """
        deadline = time.monotonic() + limit
        while True:
            with suppress(KafkaException, FatalKafkaError):
                if condition():
                    return
            if time.monotonic() > deadline:
                raise ChaosError(f"waited {limit:g} s in vain for {what}")
            self.check_members()
            time.sleep(LOOK_PAUSE)

    def check_members(self) -> None:
        """See that no consumer has ended by an error of its own.

        Raises:
            ChaosError: One has.
        """
        for member in self.members:
            if (member.status or 0) > 0 and member not in self.excused:
                raise ChaosError(f"{member.log}: ended with status {member.status}")

    def finish(self) -> None:
        """End the feed, and let the consumers catch up and stop.

        Raises:
            ChaosError: They do not, or Kafka has not what it acknowledged.
        """
        sent = self.feed.finish(self.order.windows)
        ends = {partition: span.end for partition, span in self.offsets.windows().items()}
        if sum(ends.values()) < sent:
            raise ChaosError(f"Kafka has {sum(ends.values())} of the {sent} windows that it took")
        reached: dict[int, int] = {}
        moved = time.monotonic()
        while any(reached.get(partition, 0) < end for partition, end in ends.items()):
            before = reached
            self.until(lambda: bool(self.offsets.committed()), "a committed offset")
            reached = self.offsets.committed()
            if reached != before:
                moved = time.monotonic()
            if time.monotonic() - moved > PATIENCE:
                raise ChaosError(f"stuck at {reached} of {ends}")
            self.check_members()
            time.sleep(LOOK_PAUSE)
        for member in self.members:
            if member.running:
                member.stop()

    def check(self) -> Report:
        """Count in the topics."""
        given = self.topics.model_dump() | {
            "guarantee": self.order.guarantee,
            "from_offset": self.checked_from,
            "settle": 20.0,
        }
        return verify(load(VerifySettings, given))
