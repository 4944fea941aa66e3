"""Messages that are small when compressed and large when decompressed."""

import pytest

from bearing_stream.wire import Message
from consumer.events import FAILED, READY
from tests.brokers import Broker
from tests.consumer.fakes import window
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    assert_each_once_in_order,
    committed,
    delete_topics,
    eventually,
    new_topics,
    produce,
    wait_until_finished,
)
from tools.bench.memory import MIB, MemoryWatch

pytestmark = pytest.mark.integration

ALLOWED = 400 * MIB
"""In addition to the memory before the first message: 16 MiB consumed at once, a batch of the same
size, 32 MiB fetched ahead and one decompressed response of the broker, 64 MiB to be produced."""


def test_largest_messages_are_dead_letters_and_memory_is_bounded(broker: Broker) -> None:
    topics = new_topics(broker.bootstrap_servers, 1, max_message_bytes=str(2 << 20))
    # With the current time: retention would delete windows of 1970.
    good = [window(number)._replace(timestamp=0) for number in range(20)]
    # A tenth of a gigabyte each time, compressed to a thousandth.
    bombs = [Message(b"bomb", bytes(950_000), []) for _ in range(100)]
    with ConsumerProcess(topics) as consumer:
        consumer.wait_for(READY)
        with MemoryWatch(consumer.pid) as watch:
            eventually(lambda: bool(watch.samples), "a sample of its memory")
            for codec in ("gzip", "zstd"):
                produce(topics.servers, topics.windows, bombs, **{"compression.type": codec})
            produce(topics.servers, topics.windows, good)
            wait_until_finished(topics)
        consumer.stop()
    assert_each_once_in_order(topics, 220)
    assert max(sample.rss for sample in watch.samples) - watch.samples[0].rss < ALLOWED
    delete_topics(topics)


def test_a_message_too_large_to_decompress_stops_it_after_committing_earlier_ones(
    broker: Broker,
) -> None:
    topics = new_topics(broker.bootstrap_servers, 1)
    good = [window(number)._replace(timestamp=0) for number in range(20)]
    produce(topics.servers, topics.windows, good[:10])
    limits = {"message.max.bytes": 200_000_000, "compression.type": "zstd"}
    produce(topics.servers, topics.windows, [Message(b"bomb", bytes(120_000_000), [])], **limits)
    produce(topics.servers, topics.windows, good[10:])
    with ConsumerProcess(topics) as consumer:
        assert consumer.wait() == 1
        [line] = consumer.events(FAILED)
    assert "receive.message.max.bytes" in line["error"]
    assert committed(topics)[0] == 10
    delete_topics(topics)
