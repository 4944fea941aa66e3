"""Where the events of one receiver come from; `kafka_source` has the real one."""

from typing import NamedTuple, Protocol

from bearing_stream.wire.headers import Headers


class Record(NamedTuple):
    """A message of the topic."""

    partition: int
    offset: int
    headers: Headers | None
    value: bytes | None
    written_at: float | None = None
    """Kafka's timestamp, in seconds since the epoch; None if it has none."""


class Source(Protocol):
    """Where the events of one receiver come from, and where is noted which it has accepted."""

    assignment: int
    """Changes with the partitions."""

    def next(self, timeout: float) -> Record | None:
        """Return the next message; None if there is none within some seconds."""

    def keep(self, seconds: float) -> None:
        """Stay in the group for some seconds without taking messages."""

    def partitions(self) -> frozenset[int]:
        """Return the partitions that are read now."""

    def done(self, partition: int, offset: int) -> None:
        """Note that the message at an offset, and those before it, need not be read again."""

    def commit(self) -> None:
        """Commit what is done; returns when Kafka has it, or when it is another's."""
