"""The part of a consumer that fetches: positions, the local queue, and where it is reset to."""

from collections import deque
from collections.abc import Iterable
from typing import Literal

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException

from bearing_stream.wire import Message
from tests.kafka_in_memory.cluster import Cluster
from tests.kafka_in_memory.log import Isolation, PartitionLog
from tests.kafka_in_memory.polled import Polled, end_of_partition


class Fetcher:
    """Reads assigned partitions into a queue for each.

    Like librdkafka it knows a topic by its name: it does not notice that the topic was made anew.
    It is reset by `auto.offset.reset` where the log does not hold its position, and where a new
    leader's log ends, in the leader epoch of the last fetch, before its position (KIP-320).
    """

    def __init__(
        self,
        cluster: Cluster,
        isolation: Isolation,
        auto_offset_reset: Literal["earliest", "latest"],
        partition_eof: bool,
        prefetch: int,
    ) -> None:
        self._cluster = cluster
        self.isolation = isolation
        self.topic = ""
        self.positions: dict[int, int] = {}
        """By partition, where the next fetch begins."""
        self.begins_at: int | None = None
        """Where a partition begins without a committed offset, instead of the reset."""
        self.out_of_range_at: int | None = None
        """Where it goes when the log does not hold its position, instead of the reset."""
        self._auto_offset_reset = auto_offset_reset
        self._partition_eof = partition_eof
        self._prefetch = prefetch
        self._queues: dict[int, deque[Polled]] = {}
        self._epochs: dict[int, int] = {}
        self._ended_at: dict[int, int] = {}

    def start(self, partition: int, offset: int | None) -> None:
        """Begin at an offset, at one of Kafka's names for an end, or without a committed one."""
        self.stop((partition,))
        log = self._log(partition)
        if offset is None and self.begins_at is not None:
            offset = self.begins_at
        if offset is None or offset < 0:
            offset = self._end(log, offset)
        self.positions[partition] = offset
        self._queues[partition] = deque()
        self._epochs[partition] = log.leader_epoch

    def stop(self, partitions: Iterable[int]) -> None:
        """Drop these partitions with what was fetched of them."""
        for number in partitions:
            self.positions.pop(number, None)
            self._queues.pop(number, None)
            self._ended_at.pop(number, None)

    def take(self, partition: int, most: int) -> list[Polled]:
        """Take messages, fetching what is lacking."""
        queue = self._queues[partition]
        wanted = max(most, self._prefetch) - len(queue)
        if wanted > 0:
            self._fetch(partition, wanted)
        return [queue.popleft() for _ in range(min(most, len(queue)))]

    def _fetch(self, partition: int, most: int) -> None:
        try:
            log = self._log(partition)
        except KafkaException:
            return
        if (self.topic, partition) in self._cluster.unled:
            return
        queue, position = self._queues[partition], self._valid(partition, log)
        entries = log.read(position, self.isolation)
        for entry in entries[:most]:
            error = self._cluster.take_error(self.topic, partition, entry.offset)
            assert entry.message is not None
            if batch := self._cluster.damaged_batch(self.topic, partition, entry.offset):
                # The error has the first offset of the batch, and the batch is fetched again.
                failure = KafkaError(KafkaError._BAD_COMPRESSION)
                nothing = Message(None, None, [])
                queue.append(Polled(nothing, partition, batch.start, failure, self.topic))
                self.positions[partition] = entry.offset
                return
            of_entry = (partition, entry.offset)
            if error is not None:
                queue.append(Polled(entry.message, *of_entry, error, self.topic))
            queue.append(Polled(entry.message, *of_entry, None, self.topic, entry.leader_epoch))
            position = entry.offset + 1
        if len(entries) <= most:
            position = max(position, log.end(self.isolation))
        self.positions[partition] = position
        at_end = position >= log.end(self.isolation)
        if self._partition_eof and at_end and self._ended_at.get(partition) != position:
            self._ended_at[partition] = position
            queue.append(end_of_partition(self.topic, partition, position))

    def _valid(self, partition: int, log: PartitionLog) -> int:
        """The position, or where it is reset to."""
        position, epoch = self.positions[partition], self._epochs[partition]
        self._epochs[partition] = log.leader_epoch
        is_cut_off = log.leader_epoch > epoch and log.end_of_epoch(epoch) < position
        if log.start <= position <= log.high_watermark and not is_cut_off:
            return position
        if self.out_of_range_at is not None:
            return self.out_of_range_at
        return self._end(log, None)

    def _end(self, log: PartitionLog, name: int | None) -> int:
        at_start = self._auto_offset_reset == "earliest"
        if name in (OFFSET_BEGINNING, OFFSET_END):
            at_start = name == OFFSET_BEGINNING
        return log.start if at_start else log.end(self.isolation)

    def _log(self, partition: int) -> PartitionLog:
        return self._cluster.log_of(self.topic, partition)
