"""Batches that the client cannot unpack, and where they end.

A sender compresses many messages together, and Kafka stores and returns them as one batch. If one
unpacks to more than `receive.message.max.bytes`, or is damaged, librdkafka 2.16 returns an error
with the offset of its first message in place of it, and fetches it again without end.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from bearing_stream.kafka.errors import TransientKafkaError, classify

UNREADABLE: Final = (KafkaError._BAD_COMPRESSION, KafkaError._BAD_MSG)
"""Errors that the client returns in place of a batch that it cannot unpack."""


@dataclass(frozen=True, slots=True)
class UnreadableBatch:
    """Stands for the messages of a batch: one without key, value and headers at its last offset.

    It has the methods of `confluent_kafka.Message`.

    Args:
        place: Topic and partition.
        first: Offset of the first message.
        last: Offset of the last message.
        reason: What the client reports.
    """

    place: tuple[str, int]
    first: int
    last: int
    reason: str

    @property
    def detail(self) -> str:
        """One sentence that names the messages."""
        return (
            f"expected messages that can be unpacked, got a batch of the offsets {self.first} to "
            f"{self.last}: {self.reason}"
        )

    def error(self) -> None: ...  # noqa: D102
    def key(self) -> None: ...  # noqa: D102
    def value(self) -> None: ...  # noqa: D102
    def leader_epoch(self) -> None: ...  # noqa: D102

    def topic(self) -> str:  # noqa: D102
        return self.place[0]

    def partition(self) -> int:  # noqa: D102
        return self.place[1]

    def offset(self) -> int:  # noqa: D102
        return self.last

    def headers(self) -> list[tuple[str, bytes | None]]:  # noqa: D102
        return []

    def timestamp(self) -> tuple[int, int]:  # noqa: D102
        return 0, 0


class BatchEnds:
    """Finds where batches end that a client cannot unpack."""

    def __init__(self, properties: Mapping[str, Any], timeout: float) -> None:
        """Prepare; a client is connected only while one is searched.

        Args:
            properties: Of the client that cannot unpack them, as far as they concern reading.
            timeout: Seconds to search.
        """
        self._properties = {
            **properties,
            # The client requires a group id; without a subscription no group comes into being.
            "group.id": "bearing-stream-batch-ends",
            "isolation.level": "read_uncommitted",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # One batch at a time: the next ones may take long to unpack.
            **dict.fromkeys(("fetch.message.max.bytes", "max.partition.fetch.bytes"), 1),
            "queued.min.messages": 1,
            "fetch.queue.backoff.ms": 0,
            # Else the client rests for half a second after each error.
            "fetch.error.backoff.ms": 0,
            "log_level": 0,
        }
        self._timeout = timeout
        self._searches: dict[tuple[str, int], _Search] = {}

    def find(self, place: tuple[str, int], first: int, reason: str) -> UnreadableBatch:
        """Return the batch of a partition that begins with an offset.

        Kafka returns a batch whole, whichever of its offsets is asked for, and the error holds its
        first offset. So its end is searched by bisection, up to the end of the partition. A search
        that took too long is continued at the next call.

        Args:
            place: Topic and partition.
            first: As the error states.
            reason: As the error states.

        Raises:
            TransientKafkaError: Kafka does not respond in time.
            FatalKafkaError: Kafka refuses.
        """
        return UnreadableBatch(place, first, self._last(place, first, reason), reason)

    def _last(self, place: tuple[str, int], first: int, reason: str) -> int:
        deadline = time.monotonic() + self._timeout
        client = Consumer(self._properties)
        try:
            search = self._searches.get(place)
            if search is None or search.reason != reason:
                end = client.get_watermark_offsets(TopicPartition(*place), self._timeout)[1]
                search = self._searches[place] = _Search(reason, first, end)
            while search.inside + 1 < search.outside:
                # Near the beginning first: batches further on may take long to unpack.
                reach = 2 * search.inside - first + 1
                offset = min(reach, (search.inside + search.outside) // 2)
                if _batch_at(client, place, offset, deadline) == first:
                    search.inside = offset
                else:
                    search.outside = offset
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        finally:
            client.close()
        del self._searches[place]
        return search.inside


@dataclass(slots=True)
class _Search:
    reason: str
    """As the error states; it holds the first offset and the length of the batch."""
    inside: int
    """The last offset that is known to be in the batch."""
    outside: int
    """The first offset that is known to be behind it."""


def _batch_at(client: Consumer, place: tuple[str, int], offset: int, deadline: float) -> int | None:
    """Return the first offset of the batch at an offset if it cannot be unpacked, else None."""
    client.assign([TopicPartition(*place, offset)])
    while (left := deadline - time.monotonic()) > 0:
        for message in client.consume(1, left):
            error = message.error()
            if error is None or error.code() == KafkaError._PARTITION_EOF:
                return None
            if error.code() in UNREADABLE:
                return message.offset()
    raise TransientKafkaError(
        f"Kafka does not show in time where the batch at offset {offset} of partition {place[1]} "
        f"of '{place[0]}' ends, which cannot be unpacked"
    )
