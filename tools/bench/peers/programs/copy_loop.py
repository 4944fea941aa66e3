"""A loop without any inference, in transactions: the limit that Kafka sets.

It reads every window with its headers, and writes a record with the headers and of the size of a
diagnosis for it. What it does and how is what the consumer does at best: consume in batches, fetch
on while the queue is full, flush before the commit, and pause before the next transaction.
"""

import time
from typing import Any, Final

from confluent_kafka import Consumer, Producer

from tools.bench.peers.programs.options import Options, Running, parse

VALUE: Final = b'{"prediction":"Normal"}'.ljust(1000)
"""Of the size of a diagnosis."""

HEADERS: Final[list[tuple[str, str | bytes | None]]] = [
    (f"ce_header{number}", b"-" * 20) for number in range(8)
]
"""As many as a diagnosis has, and as long."""

COMMIT_INTERVAL: Final = 0.2
"""Seconds that a transaction lasts, as in the consumer."""

PAUSE: Final = 0.005
"""Seconds between a commit and the next transaction: without it, that waits 20 ms or more."""


def run(options: Options, running: Running) -> None:
    """Copy until SIGTERM.

    Raises:
        KafkaException: Any error that Kafka reports.
    """
    servers: dict[str, Any] = {"bootstrap.servers": options.bootstrap_servers}
    consumer = Consumer(
        servers
        | {
            "group.id": options.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 5,
        }
    )
    producer = Producer(servers | {"transactional.id": options.group, "linger.ms": 5})
    producer.init_transactions()
    consumer.subscribe([options.windows_topic])
    while running:
        if messages := consumer.consume(256, 0.05):
            _transaction(options, consumer, producer, messages)
            time.sleep(PAUSE)
    consumer.close()


def _transaction(
    options: Options, consumer: Consumer, producer: Producer, messages: list[Any]
) -> None:
    producer.begin_transaction()
    ends = time.monotonic() + COMMIT_INTERVAL
    while messages:
        for message in messages:
            message.headers()
            producer.produce(options.diagnoses_topic, VALUE, message.key(), headers=HEADERS)
        producer.poll(0)
        messages = consumer.consume(256, 0.05) if time.monotonic() < ends else []
    producer.flush()
    positions = consumer.position(consumer.assignment())
    producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata())
    producer.commit_transaction()


if __name__ == "__main__":
    run(parse(), Running())
