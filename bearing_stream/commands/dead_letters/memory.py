"""What was redriven, kept in Kafka: committed in one transaction with the messages themselves.

A committed offset alone says "all before", and whoever redrives only one reason leaves others
behind. So the metadata of the commit holds a bit for each letter. Kafka takes 4,096 characters of
it (`offset.metadata.max.bytes`); a page of 16,384 letters needs 2,732, and each page has a group of
its own, `<group>-<page>`.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from bearing_stream.commands.dead_letters.letters import Place
from bearing_stream.kafka import FatalKafkaError, Spans, explain
from bearing_stream.kafka.connection import Properties

PAGE: Final = 16_384
"""Letters of a partition on a page."""

TIMEOUT: Final = 30.0


class Memory:
    """Which letters of a topic were redriven."""

    def __init__(self, topic: str, group: str) -> None:
        self._topic = topic
        self._group = group
        self._pages: dict[tuple[int, int], bytearray] = {}
        self._changed: set[tuple[int, int]] = set()

    def load(self, admin: AdminClient, spans: Spans) -> None:
        """Read what is remembered of these letters; waits for transactions under way.

        Raises:
            FatalKafkaError: Kafka does not answer, or the groups are somebody else's.
        """
        wanted: dict[int, list[int]] = {}
        for partition, span in spans.items():
            for page in range(span.start // PAGE, -(-span.end // PAGE)):
                wanted.setdefault(page, []).append(partition)
        for page, partitions in wanted.items():
            asked = ConsumerGroupTopicPartitions(
                self.group(page), [TopicPartition(self._topic, number) for number in partitions]
            )
            future = admin.list_consumer_group_offsets(
                [asked], require_stable=True, request_timeout=TIMEOUT
            )[asked.group_id]
            try:
                found = future.result().topic_partitions
            except KafkaException as failure:
                raise FatalKafkaError(
                    f"what was redriven is not known: group '{asked.group_id}': "
                    f"{explain(failure.args[0])}"
                ) from None
            for each in found or ():
                if each.error is not None:
                    raise FatalKafkaError(f"what was redriven is not known: {explain(each.error)}")
                if each.offset >= 0:
                    self._pages[page, each.partition] = self._decoded(page, each.metadata)

    def __contains__(self, at: Place) -> bool:
        bits = self._pages.get((at.offset // PAGE, at.partition))
        return bits is not None and bool(bits[at.offset % PAGE // 8] >> at.offset % 8 & 1)

    def add(self, at: Place) -> None:
        """Remember a letter."""
        key = (at.offset // PAGE, at.partition)
        bits = self._pages.setdefault(key, bytearray(PAGE // 8))
        bits[at.offset % PAGE // 8] |= 1 << at.offset % 8
        self._changed.add(key)

    def commits(self) -> Iterator[tuple[str, list[TopicPartition]]]:
        """What to commit since the last call: groups, and their offsets with the pages."""
        pages: dict[int, list[TopicPartition]] = {}
        for page, partition in sorted(self._changed):
            bits = base64.b64encode(self._pages[page, partition]).decode()
            pages.setdefault(page, []).append(
                TopicPartition(self._topic, partition, page * PAGE, bits)
            )
        self._changed.clear()
        for page, positions in pages.items():
            yield self.group(page), positions

    def group(self, page: int) -> str:
        """The group that holds a page."""
        return f"{self._group}-{page}"

    def _decoded(self, page: int, metadata: str | None) -> bytearray:
        try:
            bits = bytearray(base64.b64decode(metadata or "", validate=True))
        except binascii.Error:
            bits = bytearray()
        if len(bits) != PAGE // 8:
            raise FatalKafkaError(
                f"the group '{self.group(page)}' has offsets of '{self._topic}' that redrive did "
                "not commit: give a --redrive-group that nobody else uses"
            )
        return bits


def group_metadata(properties: Properties, group: str) -> object:
    """What a transaction needs to commit offsets of a group without being a member."""
    consumer = Consumer(properties | {"group.id": group, "log_level": 0})
    try:
        return consumer.consumer_group_metadata()
    finally:
        consumer.close()
