"""A message as a consumer's client returns it."""

from dataclasses import dataclass

from confluent_kafka import KafkaError

from bearing_stream.wire import Headers, Message


@dataclass
class Polled:
    """What the project uses of `confluent_kafka.Message`."""

    message: Message
    partition_number: int = 0
    offset_number: int = 0
    failure: KafkaError | None = None
    topic_name: str = ""
    epoch: int = 0

    def error(self) -> KafkaError | None:
        return self.failure

    def topic(self) -> str:
        return self.topic_name

    def partition(self) -> int:
        return self.partition_number

    def offset(self) -> int:
        return self.offset_number

    def leader_epoch(self) -> int:
        return self.epoch

    def key(self) -> bytes | None:
        return self.message.key

    def value(self) -> bytes | None:
        return self.message.value

    def headers(self) -> Headers | None:
        return self.message.headers

    def timestamp(self) -> tuple[int, int]:
        return 1, self.message.timestamp


def end_of_partition(topic: str, partition: int, offset: int) -> Polled:
    """The event that a client with `enable.partition.eof` returns at the end of a partition."""
    nothing = Message(None, None, [])
    return Polled(nothing, partition, offset, KafkaError(KafkaError._PARTITION_EOF), topic)
