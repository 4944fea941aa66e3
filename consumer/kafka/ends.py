"""How far partitions have been read, and whether the brokers are known to hold more."""

from collections.abc import Iterable

from confluent_kafka import Consumer, TopicPartition

from consumer.kafka.positions import Tracker
from consumer.messages import Partition, Positions


class Ends:
    """What the client knows of the ends of the partitions that it reads."""

    def __init__(self, consumer: Consumer, tracker: Tracker) -> None:
        """Know nothing yet.

        Args:
            consumer: That fetches; with `enable.partition.eof`.
            tracker: Of the positions.
        """
        self._consumer = consumer
        self._tracker = tracker
        self._reached: Positions = {}
        self._exhausted: Positions = {}

    def note_end(self, partition: Partition, offset: int) -> None:
        """Note that the client has reached the end of a partition, which is before this offset."""
        self._reached[partition] = offset

    def note_exhausted(self) -> None:
        """Note that nothing more can be read now, whatever the high watermarks are."""
        for partition in self._tracker.next:
            end = self._high_watermark(partition)
            if end is not None:
                self._exhausted[partition] = end

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Know nothing of these partitions any more: they go, or are read again."""
        for partition in partitions:
            self._reached.pop(partition, None)
            self._exhausted.pop(partition, None)

    def reached(self) -> Positions:
        """Return the next offset that can be a message's; the markers of transactions are passed.

        For the lag: a position alone stays before the marker of the last transaction.
        """
        return {
            partition: max(offset, self._reached.get(partition, 0))
            for partition, offset in self._tracker.next.items()
        }

    def is_lagging(self) -> bool:
        """Whether the brokers are known to hold messages that can be read and were not polled."""
        for partition, position in self._tracker.next.items():
            end = self._high_watermark(partition)
            read = max(position, self._exhausted.get(partition, 0))
            if end is not None and end > max(read, self._reached.get(partition, 0)):
                return True
        return False

    def _high_watermark(self, partition: Partition) -> int | None:
        """Return where a partition ended at the last fetch; None if it was not fetched yet."""
        place = TopicPartition(*partition)
        watermarks = self._consumer.get_watermark_offsets(place, cached=True)
        return None if watermarks is None else watermarks[1]
