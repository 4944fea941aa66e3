"""Messages in addition to the feed: malformed ones, and values that are large when decompressed."""

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, cycle
from types import TracebackType
from typing import Final, Self

import numpy as np

from bearing_stream.kafka import TopicSettings
from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import Message, Window, encode_window
from producer_sim.malformed import KINDS, malformed_message
from producer_sim.sender import PRODUCER_PROPERTIES, Sender
from tools.chaos.errors import ChaosError
from tools.chaos.feed import KAFKA

BOMB_BYTES: Final = 12_000_000

BOMB_PROPERTIES: Final = {
    "compression.type": "gzip",
    # The client compares the size before compression; the topic, the size after it.
    "message.max.bytes": "16000000",
}
"""Properties of a client that sends `bombs`."""


class Extra:
    """Sends messages to the windows topic at a steady rate, in the background, in its block.

    Leaving the block waits until Kafka has acknowledged them.

    Attributes:
        sent: Messages sent so far.
    """

    def __init__(
        self,
        topics: TopicSettings,
        messages: Iterator[Message],
        rate: float,
        properties: dict[str, str] | None = None,
    ) -> None:
        """Describe it; `with` starts it.

        Args:
            topics: The topics to send to.
            messages: What to send; endless.
            rate: Messages a second.
            properties: Properties of the client.
        """
        connection = topics.client_properties()
        self._sender = Sender(
            PRODUCER_PROPERTIES | connection | KAFKA | (properties or {}), topics.windows_topic
        )
        self._counts = self._sender.new_counts()
        self._messages = messages
        self._pause = 1 / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="extra", daemon=True)
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop.

        Raises:
            ChaosError: Kafka refused messages.
        """
        self._stop.set()
        self._thread.join()
        # Not the event: the sender would discard, after some seconds, what is not acknowledged.
        left = self._sender.flush(threading.Event())
        if error is None and (left or self._counts.failures):
            raise ChaosError(f"Kafka refused messages: {dict(self._counts.failures)}")

    def _run(self) -> None:
        while not self._stop.is_set():
            self._sender.send(next(self._messages), self._counts, self._stop)
            self._sender.poll(0)
            self.sent += 1
            self._stop.wait(self._pause)


def malformed(rng: random.Random) -> Iterator[Message]:
    """Make malformed messages of every kind in turn, without end."""
    run = rng.randrange(10**9)
    for number, kind in zip(count(run * 10**6), cycle(KINDS), strict=False):
        yield malformed_message(_window(rng, f"malformed-{number}"), kind, number)


def bombs(rng: random.Random) -> Iterator[Message]:
    """Make messages whose values are 12 MB of zeros, without end: 12 KB with gzip."""
    run = rng.randrange(10**9)
    for number in count():
        message = encode_window(_window(rng, f"bomb-{run}-{number}"))
        yield message._replace(value=bytes(BOMB_BYTES))


def _window(rng: random.Random, name: str) -> Window:
    samples = np.random.default_rng(rng.randrange(2**32)).normal(size=WINDOW_LENGTH)
    return Window("/chaos", name, f"sensor-{name[-2:]}", datetime.now(UTC), samples)
