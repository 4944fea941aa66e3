"""The position of a record in its topic."""

from typing import NamedTuple, cast

from confluent_kafka import Message as Polled


class RecordId(NamedTuple):
    """Partition and offset: identifies a record within its topic. Written `3:4711`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"

    @classmethod
    def of(cls, message: Polled) -> "RecordId":
        """Return the position of a message that was polled or delivered."""
        return cls(cast("int", message.partition()), cast("int", message.offset()))
