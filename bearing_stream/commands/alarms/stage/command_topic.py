"""The topic of commands, read in the partitions whose alarms are owned, outside any group."""

import uuid
from collections.abc import Mapping
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, TopicPartition

from bearing_stream.kafka import ClusterErrors, TransientKafkaError, classify, is_fatal, new_client
from bearing_stream.kafka.connection import Properties
from consumer.kafka.topic_log import TopicLog
from consumer.messages import KafkaMessage

AT_A_TIME: Final = 100
"""Commands taken in one round."""


class CommandTopic:
    """Delivers the commands of some partitions from given offsets on."""

    def __init__(
        self, properties: Properties, topic: str, errors: ClusterErrors, log: TopicLog
    ) -> None:
        """Connect.

        Args:
            properties: Of the connection.
            topic: Of commands.
            errors: Takes what the client reports.
            log: Of the topic.

        Raises:
            FatalKafkaError: A property is wrong.
        """
        self._topic = topic
        self._log = log
        self._known: str | None = None
        self._consumer = new_client(
            Consumer,
            properties
            | {
                # The client requires a group id; without a subscription none comes into being.
                "group.id": f"bearing-stream-commands-{uuid.uuid4()}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 0,
                "error_cb": errors,
            },
        )

    def topic_id(self) -> str | None:
        """Return the id of the topic as it is now, which `take` expects from now on.

        Raises:
            TransientKafkaError: The cluster does not respond, or the topic is not there now.
        """
        self._known = self._log.topic_id()
        return self._known

    def follow(self, offsets: Mapping[int, int]) -> None:
        """Read these partitions from these offsets on, and no others."""
        self._consumer.assign(
            [TopicPartition(self._topic, number, at) for number, at in offsets.items()]
        )

    def take(self) -> list[KafkaMessage]:
        """Return the commands that have arrived, without waiting; in order within a partition.

        Raises:
            TransientKafkaError: The topic was deleted and created anew.
            FatalKafkaError: The topic refuses this user.
        """
        if self._known is not None and self._log.changed_id(self._known) is not None:
            raise TransientKafkaError(f"the topic '{self._topic}' was deleted and created anew")
        messages = []
        for message in self._consumer.consume(AT_A_TIME, 0):
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED and is_fatal(error):
                raise classify(error)
        # The client's own type allows for what only messages with an error lack.
        return cast("list[KafkaMessage]", messages)

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()
