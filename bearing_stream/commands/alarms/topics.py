"""The topics of alarms: created as they must be, and refused if they are not so.

An alarm is in the partition of its sensor's diagnoses, whatever the partitioner, so that who owns
that partition owns the alarm: the topics must have as many partitions as that of the diagnoses.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from bearing_stream.kafka import (
    AlarmTopics,
    AlarmTopicSettings,
    FatalKafkaError,
    admin_client,
    create_topics,
    explain,
    wait_for_topics,
)

TIMEOUT: Final = 10.0
"""Seconds for a response about topics."""

COMPACTED: Final = {
    "cleanup.policy": "compact",
    # A table is small, and is read from its beginning: old values must go soon.
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.1",
}
"""Configuration of the topics of alarms and of state."""

HISTORY: Final = {"cleanup.policy": "delete", "retention.ms": "31536000000"}
"""Configuration of the topic of events, a year, and of commands."""


class UnfitTopicError(FatalKafkaError):
    """A topic is there, and is not as it must be."""


def compacted(topics: AlarmTopics) -> tuple[str, str]:
    """Return the topics that hold the latest value of each key."""
    return topics.alarms, topics.state


def create(settings: AlarmTopicSettings) -> None:
    """Create the topics of alarms that are missing, with the partitions of the diagnoses topic.

    Raises:
        FatalKafkaError: A topic could not be created, or there is no diagnoses topic.
    """
    topics, properties = settings.alarm_topics, settings.client_properties()
    diagnoses = settings.diagnoses_topic
    # A broker knows a topic somewhat after it was created.
    wait_for_topics(properties, [diagnoses], TIMEOUT, lambda _reason: None)
    count = _partitions(settings, [diagnoses], TIMEOUT)[diagnoses]
    for names, configuration in (
        (compacted(topics), COMPACTED),
        ((topics.events, topics.commands), HISTORY),
    ):
        create_topics(properties, dict.fromkeys(names, count), topic_properties=configuration)


def check(settings: AlarmTopicSettings, timeout: float = TIMEOUT) -> None:
    """Refuse topics with which alarms would be lost or put in the wrong place.

    Args:
        settings: Which topics.
        timeout: Seconds for each of two responses.

    Raises:
        UnfitTopicError: A topic has another number of partitions than the diagnoses topic, is not
            compacted where it must be, or is where it must not be; states what to do.
        FatalKafkaError: A topic is missing, or Kafka does not respond.
    """
    topics, diagnoses = settings.alarm_topics, settings.diagnoses_topic
    found = _partitions(settings, [diagnoses, *topics], timeout)
    for name in topics:
        if found[name] != found[diagnoses]:
            raise UnfitTopicError(
                f"topic '{name}' has {found[name]} partitions, and '{diagnoses}' has "
                f"{found[diagnoses]}: they must have the same number; add partitions, or delete "
                f"'{name}' and start with --create-topics"
            )
    policies = _cleanup_policies(settings, topics, timeout)
    for name in compacted(topics):
        policy = policies.get(name, "compact")
        if policy != "compact":
            raise UnfitTopicError(
                f"topic '{name}' has cleanup.policy={policy}, and would forget alarms: set "
                "cleanup.policy=compact"
            )
    for name in (topics.events, topics.commands):
        policy = policies.get(name, "delete")
        if "compact" in policy:
            raise UnfitTopicError(
                f"topic '{name}' has cleanup.policy={policy}, and would forget its history: set "
                "cleanup.policy=delete"
            )


def check_stopped(settings: AlarmTopicSettings, group: str) -> None:
    """Refuse to go on with the state of a group that still runs.

    Raises:
        FatalKafkaError: It has members, or Kafka does not respond.
    """
    admin = admin_client(settings.client_properties())
    try:
        found = admin.describe_consumer_groups([group], request_timeout=TIMEOUT)[group].result()
    except KafkaException as failure:
        # Kafka 4 has no description of a group that it does not know any more.
        if failure.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return
        raise FatalKafkaError(explain(failure.args[0])) from None
    if found.members:
        raise FatalKafkaError(
            f"--take-over {group}: the group '{group}' still has {len(found.members)} members, and "
            "both would publish each alarm; stop it first"
        )


def _partitions(settings: AlarmTopicSettings, names: list[str], timeout: float) -> dict[str, int]:
    """Return the number of partitions of each topic."""
    try:
        found = admin_client(settings.client_properties()).list_topics(timeout=timeout).topics
    except KafkaException as failure:
        raise FatalKafkaError(explain(failure.args[0])) from None
    for name in names:
        if name not in found:
            raise FatalKafkaError(
                f"there is no topic '{name}': create it, or start with --create-topics"
            )
    return {name: len(found[name].partitions) for name in names}


def _cleanup_policies(
    settings: AlarmTopicSettings, names: Iterable[str], timeout: float
) -> dict[str, str]:
    """Return the clean-up policies of those topics of which this user may read it."""
    admin = admin_client(settings.client_properties())
    asked = {ConfigResource(ResourceType.TOPIC, name): name for name in names}
    found = {}
    for resource, response in admin.describe_configs([*asked], request_timeout=timeout).items():
        with suppress(KafkaException):
            found[asked[resource]] = str(response.result()["cleanup.policy"].value)
    return found
