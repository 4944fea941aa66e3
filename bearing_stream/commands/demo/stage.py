"""The demo's course: topics, a backlog, the consumer, live windows, and the end of it."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec
from rich.console import Console

from bearing_stream.commands.demo.account import BACKLOG
from bearing_stream.commands.demo.processes import Command, DemoError
from bearing_stream.commands.demo.settings import DemoSettings
from bearing_stream.config import load
from bearing_stream.kafka import TopicSettings, admin_client, create_topics, wait_for_topics
from bearing_stream.local_kafka import LocalKafka

PARTITIONS: Final = 4

LIVE_SPEED: Final = 4.0
"""Measured seconds a second in the live part: about 1,500 windows a second from 64 sensors."""

SYNTHETIC_SENSORS: Final = 64

MALFORMED: Final = 0.005
"""Bad messages for each live window, so that dead letters are seen too."""

WAITING: Final = 60.0
"""Seconds to wait for your Kafka where it does not answer."""

STALLED: Final = 60.0
"""Seconds without progress after which the demo says that the consumer does not get on."""

LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # no types there

FRAME: Final = 0.25
"""Seconds between two pictures of the table, and two looks at how far the consumer is."""


@contextmanager
def kafka(settings: DemoSettings, console: Console) -> Iterator[TopicSettings]:
    """Your Kafka or a local one, with three topics of this demo's own, gone at the end.

    Raises:
        LocalKafkaError: The local Kafka does not come up.
        FatalKafkaError: Your Kafka does not answer, or refuses.
    """
    if settings.bootstrap_servers:
        console.print(f"[bold]Kafka[/]  yours, at {settings.bootstrap_servers}")
        topics = _topics(settings.bootstrap_servers, settings.kafka)
        wait_for_topics(topics.client_properties(), [], WAITING, console.print)
        _create(topics)
        try:
            yield topics
        finally:
            admin = admin_client(topics.client_properties())
            for deleted in admin.delete_topics(_names(topics)).values():
                deleted.exception()
        return
    with LocalKafka() as local:
        console.print(f"[bold]Kafka[/]  Apache Kafka, started here at {local.bootstrap_servers}")
        topics = _topics(local.bootstrap_servers, {})
        _create(topics)
        yield topics


def simulate_backlog(
    topics: TopicSettings, source: list[str], windows: int, wait: Callable[[], None], log: Path
) -> None:
    """Leave windows in Kafka that nobody has diagnosed yet.

    Raises:
        DemoError: The simulator failed.
    """
    arguments = ["simulate", *source, "--speed", "max", "--loop", "--limit", str(windows)]
    with Command(*arguments, "--run", BACKLOG, topics=topics, log=log) as simulator:
        while simulator.running:
            wait()
        simulator.check()


def diagnose(topics: TopicSettings, group: str, log: Path) -> Command:
    """Start the consumer, as it is by default."""
    return Command("consume", "--group", group, "--report-interval", "5", topics=topics, log=log)


def simulate_live(
    topics: TopicSettings, source: list[str], seconds: float, wait: Callable[[], None], log: Path
) -> None:
    """Let windows arrive for some seconds, some of them malformed.

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


def await_caught_up(topics: TopicSettings, group: str, wait: Callable[[], None]) -> None:
    """Wait until the group has committed all that is in the windows topic.

    Raises:
        DemoError: It does not get on.
    """
    ends = _ends(topics)
    admin = admin_client(topics.client_properties())
    request = [ConsumerGroupTopicPartitions(group)]
    reached: dict[int, int] = {}
    moved_at = time.monotonic()
    while any(reached.get(partition, 0) < end for partition, end in ends.items()):
        wait()
        answer = admin.list_consumer_group_offsets(request)[group].result().topic_partitions
        now = {one.partition: one.offset for one in answer if one.offset >= 0}
        if now != reached:
            reached, moved_at = now, time.monotonic()
        elif time.monotonic() - moved_at > STALLED:
            raise DemoError(f"the consumer has not got on for {STALLED:g} s")


def _topics(bootstrap_servers: str, client: dict[str, str]) -> TopicSettings:
    """Names that no other demo on the same cluster has."""
    name = f"bearing-demo-{uuid.uuid4().hex[:8]}"
    given = {
        "bootstrap_servers": bootstrap_servers,
        "kafka": client,
        "windows_topic": f"{name}.windows",
        "diagnoses_topic": f"{name}.diagnoses",
        "dead_letters_topic": f"{name}.dead-letters",
    }
    return load(TopicSettings, given)


def _names(topics: TopicSettings) -> list[str]:
    return [topics.windows_topic, topics.diagnoses_topic, topics.dead_letters_topic]


def _create(topics: TopicSettings) -> None:
    create_topics(topics.client_properties(), dict.fromkeys(_names(topics), PARTITIONS))


def _ends(topics: TopicSettings) -> dict[int, int]:
    """Where each partition of the windows topic ends."""
    admin = admin_client(topics.client_properties())
    request = {TopicPartition(topics.windows_topic, number): LATEST for number in range(PARTITIONS)}
    answers = admin.list_offsets(request)
    return {asked.partition: answer.result().offset for asked, answer in answers.items()}
