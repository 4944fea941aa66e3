"""One trial of `alarms`: its own topics, a feed of diagnoses, instances, and a check at the end."""

from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException

from bearing_stream.alarms.rules_file import load as load_rules
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.topics import create
from bearing_stream.commands.verify import Report
from bearing_stream.config import load
from bearing_stream.kafka import TopicSettings, create_topics, wait_for_topics
from bearing_stream.local_kafka import LocalKafka
from tools.chaos.alarm_check import check
from tools.chaos.alarm_feed import AlarmFeed
from tools.chaos.base import PARTITIONS, PATIENCE, TIMEOUTS, BaseTrial, Order
from tools.chaos.errors import ChaosError
from tools.chaos.member import Member
from tools.chaos.offsets import Offsets

RULES: Final = """
bearing-fault = { off_delay = "3s", chatter_period = "1s" }
machine-changed.off_delay = "3s"
# By the wall clock, so that no other run would give the same.
sensor-silent.enabled = false
"""

CHECKPOINTS: Final = "--checkpoint-interval=0.5"
"""So that what is read again after a fault is not all there is."""


class AlarmTrial(BaseTrial):
    """A trial of instances of `alarms`.

    Attributes:
        settings: Of an instance.
        feed: What sends diagnoses.
        deleted: Sensors that someone has deleted.
    """

    def __init__(self, kafka: LocalKafka, order: Order) -> None:
        super().__init__(kafka, order)
        properties = kafka.client_properties
        names = ("diagnoses", "alarms", "alarm_events", "alarm_commands", "alarm_state")
        self.settings = load(
            AlarmSettings,
            {
                "bootstrap_servers": properties.pop("bootstrap.servers"),
                "kafka": properties,
                "group": self.group,
                "rules": order.folder / "alarms.toml",
                **{f"{name}_topic": f"{self.group}.{name}" for name in names},
            },
        )
        (order.folder / "alarms.toml").write_text(RULES)
        connection = self.settings.client_properties()
        create_topics(connection, {self.settings.diagnoses_topic: PARTITIONS})
        wait_for_topics(connection, [self.settings.diagnoses_topic], PATIENCE, lambda _: None)
        create(self.settings)
        self.offsets = Offsets(self._roles(), self.group)
        self.feed = AlarmFeed(connection, self.settings.diagnoses_topic, order.pace.rate)
        self.deleted: set[str] = set()
        self._expected: dict[int, int] = {}

    def _roles(self) -> TopicSettings:
        """Return the topics in the roles that those of `consume` have."""
        settings = self.settings
        given = {
            "bootstrap_servers": settings.bootstrap_servers,
            "kafka": settings.kafka,
            "windows_topic": settings.diagnoses_topic,
            # Every transaction writes to it.
            "diagnoses_topic": settings.alarm_topics.state,
            "dead_letters_topic": settings.alarm_topics.events,
        }
        return load(TopicSettings, given)

    def __enter__(self) -> Self:
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
        # A cluster that no longer responds is deleted as a whole.
        with suppress(KafkaException):
            self.offsets.delete(self.settings.diagnoses_topic, *self.settings.alarm_topics)
        self.offsets.close()

    def consumer(
        self,
        *options: str,
        program: str = "bearing_stream",
        ready: bool = True,
        relayed: bool = False,
        group: str = "",
    ) -> Member:
        """See `BaseTrial`; there are no relays, and no other group."""
        assert not relayed
        assert not group
        given = self.settings.model_dump(include=self.settings.model_fields_set - {"kafka"})
        arguments = [
            *(f"--{name.replace('_', '-')}={value}" for name, value in given.items()),
            *(f"--kafka={name}={value}" for name, value in self.settings.kafka.items()),
            CHECKPOINTS,
            *TIMEOUTS,
            *options,
        ]
        return self.start(program, arguments, ready=ready, command="alarms", name="alarms")

    def progress(self) -> int:
        """See `BaseTrial`: diagnoses that the committed state reflects."""
        return sum(self.offsets.committed().values())

    def expect_news(self) -> None:
        """See `BaseTrial`."""
        self._expected = {number: span.end for number, span in self.offsets.windows().items()}

    def has_news(self) -> bool:
        """See `BaseTrial`."""
        committed = self.offsets.committed()
        return all(committed.get(number, 0) >= end for number, end in self._expected.items())

    def describe_standstill(self, failure: ChaosError) -> str:
        """See `BaseTrial`."""
        return (
            f"after fault {len(self.recoveries)} the offsets stay at {self.offsets.committed()} of "
            f"{self._expected}: {failure}"
        )

    def finish(self) -> None:
        """See `BaseTrial`."""
        sent = self.feed.finish(self.order.windows)
        held = sum(span.end for span in self.offsets.windows().values())
        if held < sent:
            raise ChaosError(f"Kafka has {held} of {sent} acknowledged diagnoses")
        self.await_caught_up()
        self.stop_members()

    def check(self) -> Report:
        """See `BaseTrial`."""
        report = check(self.settings, load_rules(self.settings.rules), frozenset(self.deleted))
        self.notes["events"] = report.diagnosed
        return report
