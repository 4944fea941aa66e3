"""Messages that are small when compressed and large when decompressed."""

import pytest

from bearing_stream.wire import Message
from consumer.events import BATCH_UNREADABLE, READY
from tests.brokers import Broker
from tests.consumer.fakes import window
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    assert_each_once_in_order,
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


def test_a_batch_too_large_to_unpack_is_one_dead_letter_and_the_rest_is_diagnosed(
    broker: Broker,
) -> None:
    topics = new_topics(broker.bootstrap_servers, 1)
    good = [window(number)._replace(timestamp=0) for number in range(30)]
    large = {"message.max.bytes": 200_000_000, "batch.size": 200_000_000, "linger.ms": 2_000}
    bombs = [Message(b"bomb", bytes(950_000), [])] * 125
    # More than `receive.message.max.bytes`, of which the topic sees some KB; the client compares
    # with it for zstd only, and unpacks the others whole.
    for number, codec in enumerate(("zstd", "gzip", "lz4")):
        produce(topics.servers, topics.windows, good[10 * number : 10 * number + 10])
        sent = [*bombs, bombs[0]._replace(value=bytes(120_000_000))] if codec == "zstd" else bombs
        produce(topics.servers, topics.windows, sent, **large, **{"compression.type": codec})
    with ConsumerProcess(topics) as consumer:
        wait_until_finished(topics)
        lines = consumer.events(BATCH_UNREADABLE)
        consumer.stop()
    assert [(line["first"], line["last"]) for line in lines] == [(10, 134), (135, 135)]
    # Each of the two batches counts as one message.
    assert_each_once_in_order(topics, 30 + 2 + 250)
    delete_topics(topics)
