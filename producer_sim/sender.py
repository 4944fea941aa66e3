"""Giving messages to Kafka, and knowing of each whether it arrived."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from bearing_stream.kafka import ClusterErrors, explain, is_fatal
from bearing_stream.kafka.connection import Properties
from bearing_stream.wire import Message

PRODUCER_PROPERTIES: Final[Properties] = {
    "enable.idempotence": True,
    "acks": "all",
    # Measured on a local Kafka: larger batches, longer lingering and lz4 gain nothing that stands
    # out of the noise, and vibration hardly compresses.
    "linger.ms": 5,
    "batch.size": 300_000,
    # 64 MB wait at most: under a second's worth at full speed, a bounded memory when Kafka is away.
    "queue.buffering.max.kbytes": 65_536,
    "message.timeout.ms": 60_000,
    # A callback costs as much as sending; what is not reported when nothing is left has arrived.
    "delivery.report.only.error": True,
    "log_level": 0,
}
"""What the simulator asks of its client; properties that the user passes through win."""

RETRY_PAUSE: Final = 0.1
"""Seconds to wait for room when the queue is full."""

STOP_TIMEOUT: Final = 8.0
"""Seconds to go on delivering after a stop, below the ten after which others kill."""


PURGE_TIMEOUT: Final = 1.0
"""Seconds within which the client reports the messages that it discarded; it takes milliseconds."""


class Tally:
    """Counts one sort of message; `Sender.tally` makes one.

    Attributes:
        accepted: Messages taken by the client, which delivers them by itself.
        failures: Those among them that were not delivered, by Kafka's reason.
    """

    def __init__(self, errors: ClusterErrors) -> None:
        self._errors = errors
        self.accepted = 0
        self.failures: Counter[str] = Counter()

    @property
    def delivered(self) -> int:
        """Messages that arrived, or are still on their way."""
        return self.accepted - self.failures.total()

    def report(self, error: KafkaError | None, message: object) -> None:  # noqa: ARG002
        """Note a failure; called by the client while it is polled."""
        if error is not None:
            self.failures[explain(error)] += 1
            self._errors(error)


class Sender:
    """An idempotent producer with a bounded queue, for one topic.

    Args:
        properties: Of the client, without `error_cb`.
        topic: Where all messages go.
        say: Told of each new trouble with the cluster, once.
    """

    def __init__(
        self, properties: Properties, topic: str, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._topic = topic
        self._say = say
        self._said: set[str] = set()
        self._errors = ClusterErrors()
        self._producer = Producer({**properties, "error_cb": self._on_error})

    def __len__(self) -> int:
        """Messages on their way."""
        return len(self._producer)

    def tally(self) -> Tally:
        """A new count, for one sort of message."""
        return Tally(self._errors)

    def send(self, message: Message, tally: Tally, stop: threading.Event) -> None:
        """Hand a message to the client, waiting for room in its queue until `stop`.

        Raises:
            FatalKafkaError: Kafka will take no more; says what to do.
        """
        while not stop.is_set():
            try:
                self._producer.produce(
                    self._topic,
                    message.value,
                    message.key,
                    headers=list(message.headers),
                    on_delivery=tally.report,
                )
            except BufferError:
                self.poll(RETRY_PAUSE)
            except KafkaException as failure:
                tally.accepted += 1
                tally.report(failure.args[0], message)
                self.poll(0)
                return
            else:
                tally.accepted += 1
                return

    def poll(self, seconds: float) -> None:
        """Let the client report, for `seconds` or until it has.

        Raises:
            FatalKafkaError: Kafka will take no more; says what to do.
        """
        self._producer.poll(seconds)
        self._errors.raise_fatal()

    def flush(self, stop: threading.Event) -> int:
        """Wait until every message is delivered or failed.

        Without `stop` that takes at most `message.timeout.ms`. After `stop`, what is left at the
        end of `STOP_TIMEOUT` is discarded and counted as failed.

        Returns:
            Messages whose outcome the client has not reported even so; 0 unless it is stuck.
        """
        deadline = float("inf")
        while self._producer.flush(RETRY_PAUSE) and self._errors.fatal is None:
            now = time.monotonic()
            if stop.is_set():
                deadline = min(deadline, now + STOP_TIMEOUT)
            if now >= deadline:
                self._say(f"Kafka has not answered for {STOP_TIMEOUT:g} s: giving up the rest")
                break
        self._producer.purge()
        # The client counts its unread notices with the messages, and a notice (a refused
        # connection) can arrive at any moment. So one count above 0 is not a message left over.
        deadline = time.monotonic() + PURGE_TIMEOUT
        while (left := self._producer.flush(RETRY_PAUSE)) and time.monotonic() < deadline:
            pass
        return left

    def _on_error(self, error: KafkaError) -> None:
        self._errors(error)
        reason = explain(error)
        if not is_fatal(error) and reason not in self._said:
            self._said.add(reason)
            self._say(reason)
