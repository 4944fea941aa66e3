"""Stores in Kafka which letters were redriven, in one transaction with the messages themselves.

A committed offset alone means "all before it", but a redrive of one reason leaves other letters
out. So the metadata of the commit contains a bit for each letter. Kafka accepts 4,096 characters of
metadata (`offset.metadata.max.bytes`); a page of 16,384 letters needs 2,732, and each page has its
own group, `<group>-<page>`.
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

from bearing_stream.kafka import FatalKafkaError, Spans, explain
from bearing_stream.kafka.connection import Properties
from bearing_stream.kafka.record_id import RecordId

PAGE: Final = 16_384
"""Letters of a partition in a page."""

TIMEOUT: Final = 30.0


class RedriveHistory:
    """The letters of a topic that were redriven."""

    def __init__(self, topic: str, group: str) -> None:
        self._topic = topic
        self._group = group
        self._pages: dict[tuple[int, int], bytearray] = {}
        self._changed: set[tuple[int, int]] = set()

    def load(self, admin: AdminClient, spans: Spans) -> None:
        """Read which of these letters were redriven; waits for open transactions.

        Raises:
            FatalKafkaError: Kafka is unreachable, or other applications use the groups.
        """
        pages: dict[int, list[int]] = {}
        for partition, span in spans.items():
            for page in range(span.start // PAGE, -(-span.end // PAGE)):
                pages.setdefault(page, []).append(partition)
        for page, partitions in pages.items():
            request = ConsumerGroupTopicPartitions(
                self.group(page), [TopicPartition(self._topic, number) for number in partitions]
            )
            future = admin.list_consumer_group_offsets(
                [request], require_stable=True, request_timeout=TIMEOUT
            )[request.group_id]
            try:
                found = future.result().topic_partitions
            except KafkaException as failure:
                raise FatalKafkaError(
                    f"it is unknown which letters were redriven: group '{request.group_id}': "
                    f"{explain(failure.args[0])}"
                ) from None
            for each in found or ():
                if each.error is not None:
                    raise FatalKafkaError(
                        f"it is unknown which letters were redriven: {explain(each.error)}"
                    )
                if each.offset >= 0:
                    self._pages[page, each.partition] = self._decode(page, each.metadata)

    def __contains__(self, record: RecordId) -> bool:
        bits = self._pages.get((record.offset // PAGE, record.partition))
        return bits is not None and bool(bits[record.offset % PAGE // 8] >> record.offset % 8 & 1)

    def add(self, record: RecordId) -> None:
        """Add a letter; `commits` returns it once."""
        key = (record.offset // PAGE, record.partition)
        bits = self._pages.setdefault(key, bytearray(PAGE // 8))
        bits[record.offset % PAGE // 8] |= 1 << record.offset % 8
        self._changed.add(key)

    def commits(self) -> Iterator[tuple[str, list[TopicPartition]]]:
        """Yield what to commit since the last call: a group, and its offsets with the pages."""
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
        """Return the group that stores a page."""
        return f"{self._group}-{page}"

    def _decode(self, page: int, metadata: str | None) -> bytearray:
        try:
            bits = bytearray(base64.b64decode(metadata or "", validate=True))
        except binascii.Error:
            bits = bytearray()
        if len(bits) != PAGE // 8:
            raise FatalKafkaError(
                f"the group '{self.group(page)}' has offsets of '{self._topic}' that redrive did "
                "not commit: choose a --redrive-group that no other application uses"
            )
        return bits


def group_metadata(properties: Properties, group: str) -> object:
    """Return what a transaction needs to commit offsets of a group without joining it."""
    consumer = Consumer(properties | {"group.id": group, "log_level": 0})
    try:
        return consumer.consumer_group_metadata()
    finally:
        consumer.close()
