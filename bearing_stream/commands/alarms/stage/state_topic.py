"""The compacted topic of state: its records, and how a partition of it is read."""

import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from bearing_stream.kafka import FatalKafkaError, TopicReader, TransientKafkaError
from bearing_stream.kafka.connection import Properties
from bearing_stream.wire import Message
from bearing_stream.wire import headers as h

SENSOR: Final = b"sensor/"
"""Prefix of the key of a sensor's record."""

COMMANDS: Final = b"commands"
"""Key of the record with the offset of the next command."""

GROUP: Final = b"group"
"""Key of the record with the group whose state it is."""

TYPE: Final = b"bearing.alarm-state.v1"

READ_TIMEOUT: Final = 10.0
"""Seconds without progress after which reading fails."""

PAUSE: Final = 0.1
"""Seconds between two checks whether an open transaction has ended."""


class Record(NamedTuple):
    """Key and value of a record; a tombstone has no value."""

    key: bytes
    value: bytes | None


def message(key: bytes, value: bytes, partition: int) -> Message:
    """Return the message for a record."""
    headers: h.Headers = [(h.TYPE, TYPE), (h.CONTENT_TYPE, h.JSON.encode())]
    return Message(key, value, headers, partition=partition)


class StateTopic:
    """Reads the state of a partition, as it was committed last."""

    def __init__(
        self,
        properties: Properties,
        topic: str,
        patience: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up.

        Args:
            properties: Connection properties of the client.
            topic: Of the state.
            patience: Seconds to wait for the end of a transaction that is open in the partition:
                that of the owner before, which Kafka aborts when it times out.
            sleep: Waits some seconds.
        """
        self._properties = properties
        self._topic = topic
        self._patience = patience
        self._sleep = sleep

    def read(self, partition: int) -> Iterator[Record]:
        """Yield the records of a partition, in order; the last of a key is its value.

        Raises:
            TransientKafkaError: Kafka does not respond, or a transaction stays open.
        """
        try:
            with TopicReader(
                self._properties, self._topic, "read_committed", READ_TIMEOUT
            ) as reader:
                self._wait_until_decided(reader, partition)
                for found in reader.read({partition: reader.spans()[partition]}):
                    yield Record(found.key() or b"", found.value())
        except FatalKafkaError as error:
            # At the start it was checked that this user may read the topic.
            raise TransientKafkaError(str(error)) from None

    def _wait_until_decided(self, reader: TopicReader, partition: int) -> None:
        """Wait until no transaction is open in a partition that began before now.

        The committed offsets may be readable before the markers of the same transaction are written
        here; what is read too early would lack what those offsets reflect.
        """
        with TopicReader(
            self._properties, self._topic, "read_uncommitted", READ_TIMEOUT
        ) as everything:
            found = everything.spans().get(partition)
        if found is None:
            raise TransientKafkaError(f"'{self._topic}' has no partition {partition}")
        waited = 0.0
        while reader.spans()[partition].end < found.end:
            if waited >= self._patience:
                raise TransientKafkaError(
                    f"a transaction in partition {partition} of '{self._topic}' stays open for "
                    f"{self._patience:g} s"
                )
            self._sleep(PAUSE)
            waited += PAUSE
