"""One trial of `consume`: its own topics, a feed, consumers, and the check at the end."""

from contextlib import suppress
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException

from bearing_stream.commands.verify import Report
from bearing_stream.config import load
from bearing_stream.kafka import TopicSettings, create_topics
from bearing_stream.local_kafka import LocalKafka
from producer_sim import SensorStream
from tools.chaos.base import PARTITIONS, TIMEOUTS, BaseTrial, Order
from tools.chaos.checks import Checks
from tools.chaos.errors import ChaosError
from tools.chaos.feed import Feed
from tools.chaos.member import Member, consumer_arguments
from tools.chaos.offsets import Offsets
from tools.chaos.relay import Relays
from tools.chaos.subscriber import Subscriber


class Trial(BaseTrial):
    """A trial of consumers.

    Attributes:
        checks: What is checked in the end.
        feed: What sends windows now.
        relays: Between the brokers and the consumers that are `relayed`.
    """

    def __init__(self, kafka: LocalKafka, order: Order) -> None:
        super().__init__(kafka, order)
        self._sent = 0
        self._feeds = 1
        self._acknowledged = 0
        self.relays = Relays(kafka.relays)
        name = self.group
        properties = kafka.client_properties
        given = {
            "bootstrap_servers": properties.pop("bootstrap.servers"),
            "kafka": properties,
            "windows_topic": f"{name}.windows",
            "diagnoses_topic": f"{name}.diagnoses",
            "dead_letters_topic": f"{name}.dead-letters",
        }
        self.topics = load(TopicSettings, given)
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
        """See `BaseTrial`."""
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
        return self.start(program, arguments, ready=ready)

    @property
    def streams(self) -> list[SensorStream] | None:
        """See `BaseTrial`."""
        return self.feed.streams

    def progress(self) -> int:
        """See `BaseTrial`."""
        return self.subscriber.count

    def expect_news(self) -> None:
        """See `BaseTrial`."""
        self._acknowledged = self.feed.acknowledged
        self.subscriber.expect_news()

    def has_news(self) -> bool:
        """See `BaseTrial`."""
        return self.subscriber.has_news()

    def describe_standstill(self, failure: ChaosError) -> str:
        """See `BaseTrial`."""
        return (
            f"no diagnoses in partitions {self.subscriber.missing()} after fault "
            f"{len(self.recoveries)}, since which Kafka acknowledged "
            f"{self.feed.acknowledged - self._acknowledged} windows: {failure}; "
            f"{self.offsets.describe_unread(self.subscriber.next)}"
        )

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
        """See `BaseTrial`."""
        self.stop_feed(max(self.order.windows - self._sent - self.feed.acknowledged, 0))

        def held() -> int:
            return sum(span.end for span in self.offsets.windows().values())

        # A leader that was just elected may know late that it holds them (KIP-207).
        with suppress(ChaosError):
            self.until(lambda: held() >= self._sent, "the acknowledged windows")
        if (ends := held()) < self._sent:
            raise ChaosError(f"Kafka has {ends} of {self._sent} acknowledged windows")
        self.await_caught_up()
        self.stop_members()

    def check(self) -> Report:
        """See `BaseTrial`."""
        return self.checks.run()
