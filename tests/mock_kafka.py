import ctypes
from pathlib import Path
from typing import Any

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka import Message as Polled

TOPIC = "bearing.windows"


PRODUCE = 0
"""The API key of the Produce request."""


def _call(function: str, *arguments: Any) -> Any:
    """Call a function of the librdkafka that confluent-kafka has loaded."""
    package = Path(confluent_kafka.__file__).parent
    [library] = package.parent.glob("confluent_kafka.libs/librdkafka-*")
    called = getattr(ctypes.CDLL(str(library)), function)
    called.restype = ctypes.c_void_p
    return called(*arguments)


class MockKafka:
    """The mock broker of librdkafka: no Java, ready within a millisecond."""

    def __init__(self) -> None:
        self._owner = Producer(
            {"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0}
        )
        [broker] = self._owner.list_topics(TOPIC).brokers.values()
        self.bootstrap_servers = f"{broker.host}:{broker.port}"
        self._broker = broker.id

    def respond_after(self, milliseconds: int) -> None:
        """Delay each response."""
        _call("rd_kafka_mock_broker_set_rtt", self._cluster, self._broker, milliseconds)

    def refuse_next_produce(self) -> None:
        """Respond to the next Produce request that the broker does not lead the partition."""
        errors = (ctypes.c_int * 1)(KafkaError.NOT_LEADER_FOR_PARTITION)
        count = ctypes.c_size_t(1)
        _call("rd_kafka_mock_push_request_errors_array", self._cluster, PRODUCE, count, errors)

    @property
    def _cluster(self) -> ctypes.c_void_p:
        # confluent-kafka does not expose the mock cluster. The handle of librdkafka comes right
        # after the header of the Python object.
        handle = ctypes.c_void_p.from_address(id(self._owner) + object.__basicsize__)
        return ctypes.c_void_p(_call("rd_kafka_handle_mock_cluster", handle))

    def messages(self, count: int) -> list[Polled]:
        """Wait for `count` messages; return those beyond them too."""
        return read_messages(self.bootstrap_servers, TOPIC, count)

    def count(self) -> int:
        """The number of messages that it received, from the offsets.

        It keeps only the last 5 MB of a partition, which a stream at full speed fills in seconds.
        """
        consumer = Consumer({"bootstrap.servers": self.bootstrap_servers, "group.id": "count"})
        try:
            partitions = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
            ends = (
                consumer.get_watermark_offsets(TopicPartition(TOPIC, number), timeout=10)
                for number in partitions
            )
            return sum(high for _, high in ends)
        finally:
            consumer.close()

    def await_first(self) -> None:
        """Wait until there is a message."""
        read_messages(self.bootstrap_servers, TOPIC, 1, settle=0)


def read_messages(
    bootstrap_servers: str, topic: str, count: int, settle: float = 0.15
) -> list[Polled]:
    """Wait for `count` messages, and then until none has come for `settle` seconds."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "test", "fetch.wait.max.ms": 50}
    )
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        found: list[Polled] = []
        # Compared with None, because a message without a value is falsy too.
        while (message := consumer.poll(settle if len(found) >= count else 15)) is not None:
            assert message.error() is None
            found.append(message)
        return found
    finally:
        consumer.close()
