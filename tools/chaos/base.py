"""What trials of all stages have in common: members, injections, patience, recoveries."""

import math
import random
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException

from bearing_stream.commands.verify import Report
from bearing_stream.commands.verify.report import Guarantee
from bearing_stream.kafka import FatalKafkaError
from bearing_stream.local_kafka import LocalKafka
from consumer.events import READY
from producer_sim import SensorStream
from tools.chaos.errors import ChaosError
from tools.chaos.feed import FeedSettings
from tools.chaos.member import Member
from tools.chaos.offsets import Offsets

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


class BaseTrial(ABC):
    """A context manager that leaves no process and no topic behind.

    Attributes:
        rng: The source of every random choice.
        notes: Counts of the fault, which show that it had the intended effect.
        recoveries: Seconds from each fault until every partition had newer committed results.
        members: All members that were started, in order.
        excused: Those of them that may end with another status than 0.
        group: The group under test.
        groups: The consumer groups that must process all input.
        offsets: Of the topics and the group, as another client sees them.
    """

    offsets: Offsets

    def __init__(self, kafka: LocalKafka, order: Order) -> None:
        self.kafka = kafka
        self.order = order
        self.rng = random.Random(order.seed)
        self.notes: Counter[str] = Counter()
        self.recoveries: list[float] = []
        self.members: list[Member] = []
        self.excused: list[Member] = []
        self.group = f"chaos-{uuid.uuid4().hex[:8]}"
        self.groups = [self.group]

    @abstractmethod
    def __enter__(self) -> Self:
        """Start the feed."""

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all processes, and delete the topics."""

    @property
    def streams(self) -> list[SensorStream] | None:
        """The streams of the feed, which another trial can reuse."""
        return self.order.streams

    @abstractmethod
    def consumer(
        self,
        *options: str,
        program: str = "bearing_stream",
        ready: bool = True,
        relayed: bool = False,
        group: str = "",
    ) -> Member:
        """Start a member of the group under test, and wait until it is ready to join.

        Args:
            *options: Further options of its command.
            program: The module to run.
            ready: Whether to wait.
            relayed: It reaches the brokers through `relays`; everything else does not.
            group: By default the group under test.

        Raises:
            ChaosError: It did not become ready.
        """

    def start(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        ready: bool,
        command: str = "consume",
        name: str = "consumer",
    ) -> Member:
        """Start a member, whose log is that `name` and its number; see `consumer` for the rest."""
        log = self.order.folder / f"{name}-{len(self.members) + 1}.log"
        member = Member(program, arguments, log, command=command)
        self.members.append(member)
        if ready:
            member.await_event(READY)
        return member

    @abstractmethod
    def progress(self) -> int:
        """Return how much of the input has committed results."""

    @abstractmethod
    def expect_news(self) -> None:
        """Start to watch for committed results in every partition, of input until now or later."""

    @abstractmethod
    def has_news(self) -> bool:
        """Whether the results of `expect_news` are committed."""

    @abstractmethod
    def describe_standstill(self, failure: ChaosError) -> str:
        """Describe that the results of `expect_news` were not committed in time."""

    @abstractmethod
    def finish(self) -> None:
        """End the feed, and let the members catch up and stop.

        Raises:
            ChaosError: They do not, or Kafka has lost input that it had acknowledged.
        """

    @abstractmethod
    def check(self) -> Report:
        """Count the results in the topics."""

    def moments(self) -> Iterator[int]:
        """Yield the number of each injection at its moment, which is drawn from the seed.

        Fewer than ordered, and at least one, where the time is over.

        Raises:
            ChaosError: The consumers make no progress.
        """
        share = self.order.windows / self.order.times
        self.until(lambda: self.progress() > 0, "the first diagnosis")
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
        self.until(lambda: self.progress() >= count, f"{count} diagnoses")

    @contextmanager
    def fault(self) -> Iterator[None]:
        """Measure the time from the start of the block until every partition has new results.

        Raises:
            ChaosError: A partition has none in time.
        """
        began = time.monotonic()
        self.expect_news()
        yield
        try:
            self.until(self.has_news, "diagnoses in every partition")
        except ChaosError as failure:
            raise ChaosError(self.describe_standstill(failure)) from None
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

    def stop_members(self) -> None:
        """Stop the members that run.

        Raises:
            ChaosError: One does not end in time, or not with status 0.
        """
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
