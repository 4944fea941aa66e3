"""Finds out, without the consumer's own client, whether it should have delivered something."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import ConsumerGroupState, KafkaException, TopicCollection

from bearing_stream.kafka import (
    FatalKafkaError,
    Span,
    TopicReader,
    TransientKafkaError,
    admin_client,
    explain,
)
from bearing_stream.kafka.connection import Properties
from bearing_stream.logs import Event
from consumer import events
from consumer.messages import Origin, Positions

TIMEOUT: Final = 5.0
"""Seconds for a probe to wait for Kafka."""

AT_REST: Final = (ConsumerGroupState.STABLE, ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD)
"""States of a group in which it waits for no member to join."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Why something should have been delivered.

    Args:
        event: To log.
        facts: Its fields.
        error: What to report if it lasts.
    """

    event: Event
    facts: Mapping[str, object]
    error: str


def find_stall(
    properties: Properties, topic: str, group: str, positions: Positions, member: str
) -> Stall | None:
    """Find a window at or after these positions; without any, find out whether the group is right.

    Args:
        properties: Of the client that probes.
        topic: That the consumer reads.
        group: Of the consumer.
        positions: The next offset of each partition that it reads.
        member: Its id in the group; empty if it has none.

    Raises:
        TransientKafkaError: Kafka does not respond now.
    """
    if not positions:
        return _unassigned(properties, topic, group, member)
    waiting = find_waiting(properties, topic, positions)
    if waiting is None:
        return None
    (_, partition), offset = waiting
    return Stall(
        events.WINDOWS_WAITING,
        {
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "detail": "windows are waiting, and the Kafka client delivers none",
        },
        f"the Kafka client delivers nothing, though a probe can read offset {offset} of partition "
        f"{partition} of '{topic}': the client is stuck",
    )


def find_waiting(properties: Properties, topic: str, positions: Positions) -> Origin | None:
    """Find a message of a topic at or after these positions, without joining a group.

    Raises:
        TransientKafkaError: Kafka does not respond now.
    """
    try:
        with TopicReader(properties, topic, timeout=TIMEOUT) as reader:
            spans = {
                partition: Span(max(positions[topic, partition], span.start), span.end)
                for partition, span in reader.spans().items()
                if (topic, partition) in positions
            }
            for message in reader.read(spans):
                return Origin((topic, message.partition() or 0), message.offset() or 0)
    except FatalKafkaError as refusal:
        raise TransientKafkaError(str(refusal)) from None
    return None


def _unassigned(properties: Properties, topic: str, group: str, member: str) -> Stall | None:
    """Find out whether a group that does not rebalance lacks this member, or assigns nothing.

    A consumer without partitions is right where others own them. But the members' own clients
    assign, by what their leader knows of the topic when they join. If the topic is missing then and
    is created anew with as many partitions, librdkafka 2.16 takes it for unchanged. And in about
    one of twenty absences of the only broker, it does not join again.
    """
    admin = admin_client(properties)
    try:
        asked = TopicCollection([topic])
        described = admin.describe_topics(asked, request_timeout=TIMEOUT)[topic].result()
        members = admin.describe_consumer_groups([group], request_timeout=TIMEOUT)[group].result()
    except KafkaException as failure:
        raise TransientKafkaError(explain(failure.args[0])) from None
    if members.state in AT_REST and member not in {one.member_id for one in members.members}:
        return Stall(
            events.NOT_JOINED,
            {
                "group": group,
                "state": members.state.name.lower(),
                "detail": "the Kafka client does not join the group, though Kafka responds",
            },
            f"the Kafka client does not join the group '{group}', though Kafka responds: the "
            "client is stuck",
        )
    assigned = {one.topic for each in members.members for one in each.assignment.topic_partitions}
    if members.state is not ConsumerGroupState.STABLE or topic in assigned:
        return None
    partitions = len(described.partitions)
    return Stall(
        events.NOTHING_ASSIGNED,
        {
            "group": group,
            "topic": topic,
            "partitions": partitions,
            "detail": "the group assigns no partition of the topic to any consumer",
        },
        f"group '{group}' assigns none of the {partitions} partitions of '{topic}' to any "
        "consumer: see that each member's user may read the topic",
    )
