"""Read a topic from its beginning to where it ends now."""

import uuid
from collections.abc import Iterator
from typing import Final, Literal

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from kafka_client.connection import Properties
from kafka_client.errors import FatalKafkaError, explain

MOST: Final = 1000
"""Messages taken at a time."""

TIMEOUT: Final = 30.0
"""Seconds without a message after which reading fails; a topic's end is always told."""


def read_to_end(
    properties: Properties,
    topic: str,
    isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
) -> Iterator[Message]:
    """The messages of a topic, in order within a partition, up to where each partition ends now.

    Args:
        properties: Connection properties of the client.
        topic: Must exist.
        isolation: Whether messages of open and aborted transactions are left out. Reading
            committed messages ends before the first transaction that is still open.

    Raises:
        FatalKafkaError: Kafka does not answer, or refuses.
    """
    consumer = Consumer(
        properties
        | {
            "group.id": f"bearing-stream-read-{uuid.uuid4()}",
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.queue.backoff.ms": 5,
            "queued.max.messages.kbytes": 32 * 1024,
            "log_level": 0,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=TIMEOUT).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        ended: set[int | None] = set()
        while len(ended) < len(partitions):
            messages = consumer.consume(1, TIMEOUT)
            if not messages:
                raise FatalKafkaError(f"'{topic}' could not be read: no answer for {TIMEOUT:g} s")
            for message in messages + consumer.consume(MOST - 1, 0):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise FatalKafkaError(f"'{topic}' could not be read: {explain(error)}")
    finally:
        consumer.close()
