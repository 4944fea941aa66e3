"""Produces a message, and waits while the queue of the client is full."""

from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as Delivered

from bearing_stream.wire import Message

QUEUE_FULL_TIMEOUT: Final = 0.1
"""Seconds to serve delivery callbacks while the queue is full."""

DeliveryCallback = Callable[[KafkaError | None, Delivered], None]


def produce(
    producer: Producer,
    topic: str,
    message: Message,
    partition: int,
    on_delivery: DeliveryCallback,
) -> None:
    """Produce a message to a partition; returns when the client has queued it."""
    headers: Any = message.headers
    while True:
        try:
            producer.produce(
                topic,
                message.value,
                message.key,
                partition=partition,
                headers=headers,
                on_delivery=on_delivery,
            )
        except BufferError:
            producer.poll(QUEUE_FULL_TIMEOUT)
        else:
            return
