"""The steps of the demo: topics, a backlog, the consumer, live windows, and catching up."""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec
from rich.console import Console

from bearing_stream.commands.alarms.topics import create as create_alarm_topics
from bearing_stream.commands.demo.account import BACKLOG
from bearing_stream.commands.demo.processes import Command, DemoError, topic_fields
from bearing_stream.commands.demo.settings import DemoSettings
from bearing_stream.config import load
from bearing_stream.kafka import (
    AlarmTopicSettings,
    TopicSettings,
    admin_client,
    create_topics,
    wait_for_topics,
)
from bearing_stream.local_kafka import LocalKafka

PARTITIONS: Final = 4

LIVE_SPEED: Final = 4.0
"""Seconds of recording replayed per second: about 1,500 windows a second from 64 sensors."""

SYNTHETIC_SENSORS: Final = 64

MALFORMED: Final = 0.005
"""Malformed messages for each live window, so that there are dead letters too."""

STARTUP_TIMEOUT: Final = 60.0
"""Seconds to wait for your Kafka if it is unreachable."""

STALL_TIMEOUT: Final = 60.0
"""Seconds without a commit, or without what must come of an alarm, after which the demo fails."""

JOIN_POLL_INTERVAL: Final = 0.02
"""Seconds between two polls of the group while the consumer joins it, which takes some tenths."""

LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the client has no types here

PAGE_ADDRESS: Final = re.compile(r'"address": "(http://[^"]+)"')
"""In the log of the page, once it is ready."""

REFRESH_INTERVAL: Final = 0.25
"""Seconds between two updates of the table, and between two polls of the committed offsets."""


class DemoTopics(TopicSettings, AlarmTopicSettings):
    """The topics of the demo, and the connection."""

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [getattr(self, name) for name in topic_fields(self)]


@contextmanager
def kafka(settings: DemoSettings, console: Console) -> Iterator[DemoTopics]:
    """Provide your Kafka or a local one with new topics, which are deleted at the end.

    Raises:
        LocalKafkaError: The local Kafka does not start.
        FatalKafkaError: Your Kafka is unreachable, or refuses a request.
    """
    if settings.bootstrap_servers:
        console.print(f"[bold]Kafka[/]  yours, at {settings.bootstrap_servers}")
        topics = _topics(settings.bootstrap_servers, settings.kafka)
        wait_for_topics(topics.client_properties(), [], STARTUP_TIMEOUT, console.print)
        _create(topics)
        try:
            yield topics
        finally:
            admin = admin_client(topics.client_properties())
            for deleted in admin.delete_topics(topics.names).values():
                deleted.exception()
        return
    with LocalKafka() as local:
        console.print(f"[bold]Kafka[/]  Apache Kafka, started here at {local.bootstrap_servers}")
        topics = _topics(local.bootstrap_servers, {})
        _create(topics)
        yield topics


def simulate_backlog(
    topics: DemoTopics, source: list[str], messages: int, wait: Callable[[], None], log: Path
) -> None:
    """Produce measurements while no consumer is running.

    Raises:
        DemoError: The simulator failed.
    """
    arguments = ["simulate", *source, "--speed", "max", "--loop", "--limit", str(messages)]
    with Command(*arguments, "--run", BACKLOG, topics=topics, log=log) as simulator:
        while simulator.running:
            wait()
        simulator.check()


@contextmanager
def page(topics: DemoTopics, log: Path) -> Iterator[str]:
    """Serve the page of the fleet, open it in a browser, and yield its address.

    Raises:
        DemoError: The page cannot be served.
    """
    with Command("page", "--open", "--port=0", "--log-format=json", topics=topics, log=log) as page:
        deadline = time.monotonic() + STALL_TIMEOUT
        while time.monotonic() < deadline:
            page.check()
            written = log.read_text(errors="replace") if log.exists() else ""
            if found := PAGE_ADDRESS.search(written):
                yield found[1]
                return
            time.sleep(JOIN_POLL_INTERVAL)
        raise DemoError(f"the page is not ready within {STALL_TIMEOUT:g} s (its log is {log})")


def start_consumer(topics: DemoTopics, group: str, log: Path) -> Command:
    """Start the consumer; the network decides alone, since it was trained on these very bearings.

    All other settings are the defaults.
    """
    options = ("--group", group, "--report-interval", "5", "--diagnoser", "network")
    return Command("consume", *options, topics=topics, log=log)


def await_joined(topics: DemoTopics, group: str, check: Callable[[], None]) -> float:
    """Wait until a member of the group has partitions, and return the time since the epoch.

    Args:
        topics: The connection.
        group: Of the consumer.
        check: Called at each poll; raises if the consumer has failed.

    Raises:
        DemoError: The group has no such member after `STALL_TIMEOUT` seconds.
    """
    admin = admin_client(topics.client_properties())
    deadline = time.monotonic() + STALL_TIMEOUT
    while time.monotonic() < deadline:
        check()
        with suppress(KafkaException):
            described = admin.describe_consumer_groups([group])[group].result()
            if any(member.assignment.topic_partitions for member in described.members):
                return time.time()
        time.sleep(JOIN_POLL_INTERVAL)
    raise DemoError(f"the consumer has not joined its group within {STALL_TIMEOUT:g} s")


def simulate_live(
    topics: DemoTopics, source: list[str], seconds: float, wait: Callable[[], None], log: Path
) -> None:
    """Produce windows in real time for some seconds, some of them malformed.

    Raises:
        DemoError: The simulator failed.
    """
    arguments = ["simulate", *source, "--speed", str(LIVE_SPEED), "--loop", "--run", "live"]
    ends: float | None = None
    with Command(*arguments, "--malformed", str(MALFORMED), topics=topics, log=log) as simulator:
        before = _ends(topics)
        while simulator.running and (ends is None or time.monotonic() < ends):
            wait()
            if ends is None and _ends(topics) != before:
                ends = time.monotonic() + seconds
        simulator.check()
        simulator.stop()


def await_caught_up(topics: DemoTopics, group: str, wait: Callable[[], None]) -> None:
    """Wait until the group has committed the end of the windows topic.

    Raises:
        DemoError: The group has committed nothing for `STALL_TIMEOUT` seconds.
    """
    ends = _ends(topics)
    admin = admin_client(topics.client_properties())
    request = [ConsumerGroupTopicPartitions(group)]
    committed: dict[int, int] = {}
    moved_at = time.monotonic()
    while any(committed.get(partition, 0) < end for partition, end in ends.items()):
        wait()
        offsets = admin.list_consumer_group_offsets(request)[group].result().topic_partitions
        now = {each.partition: each.offset for each in offsets if each.offset >= 0}
        if now != committed:
            committed, moved_at = now, time.monotonic()
        elif time.monotonic() - moved_at > STALL_TIMEOUT:
            raise DemoError(f"the consumer has committed nothing for {STALL_TIMEOUT:g} s")


def _topics(bootstrap_servers: str, client: dict[str, str]) -> DemoTopics:
    """Return topics with names that no other demo on the same cluster uses."""
    name = f"bearing-demo-{uuid.uuid4().hex[:8]}"
    given = {
        "bootstrap_servers": bootstrap_servers,
        "kafka": client,
        "windows_topic": f"{name}.windows",
        "diagnoses_topic": f"{name}.diagnoses",
        "dead_letters_topic": f"{name}.dead-letters",
        "alarms_topic": f"{name}.alarms",
        "alarm_events_topic": f"{name}.alarm-events",
        "alarm_commands_topic": f"{name}.alarm-commands",
        "alarm_state_topic": f"{name}.alarm-state",
    }
    return load(DemoTopics, given)


def _create(topics: DemoTopics) -> None:
    names = (topics.windows_topic, topics.diagnoses_topic, topics.dead_letters_topic)
    create_topics(topics.client_properties(), dict.fromkeys(names, PARTITIONS))
    create_alarm_topics(topics)


def _ends(topics: DemoTopics) -> dict[int, int]:
    """Return the end offset of each partition of the windows topic."""
    admin = admin_client(topics.client_properties())
    request = {TopicPartition(topics.windows_topic, number): LATEST for number in range(PARTITIONS)}
    futures = admin.list_offsets(request)
    return {each.partition: future.result().offset for each, future in futures.items()}
