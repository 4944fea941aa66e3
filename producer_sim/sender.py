"""Produce messages, and count those that were not delivered."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from bearing_stream.kafka import ClusterErrors, explain, is_fatal, served
from bearing_stream.kafka.connection import ONE_REQUEST_AT_A_TIME, PARTITIONER, Properties
from bearing_stream.wire import Message
from producer_sim.connected import STATISTICS_PROPERTIES, is_connected

PRODUCER_PROPERTIES: Final[Properties] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": PARTITIONER,
    **ONE_REQUEST_AT_A_TIME,
    # Measured on a local Kafka: larger batches, a longer linger and lz4 gain nothing beyond the
    # noise, and vibration hardly compresses. Live, with less than 2 ms the many requests take more
    # time from all others on two cores than they save; with 5 ms a diagnosis is 2 ms later.
    "linger.ms": 2,
    "batch.size": 300_000,
    # At most 64 MB wait, less than a second's worth at full speed: memory stays bounded while Kafka
    # is unreachable.
    "queue.buffering.max.kbytes": 65_536,
    "message.timeout.ms": 60_000,
    # The limit of the topic decides, not the 1,000,000 bytes of this client: a message may hold
    # 2,097,152 samples (`max_samples`), which are 16 MiB as float64.
    "message.max.bytes": 32 * 2**20,
    # A callback costs as much as producing. A message without a report has been delivered when the
    # queue is empty.
    "delivery.report.only.error": True,
    "log_level": 0,
}
"""Properties of the simulator's client; those that the user passes through override them."""

RETRY_PAUSE: Final = 0.1
"""Seconds to wait for free space when the queue is full."""

STOP_TIMEOUT: Final = 8.0
"""Seconds to go on delivering after a stop; supervisors send SIGKILL after ten."""

METADATA_TIMEOUT: Final = 1.0
"""Seconds that a request for the topic's metadata may take; a stop is noticed after it."""

PURGE_TIMEOUT: Final = 1.0
"""Seconds within which the client reports the messages that it discarded; it takes milliseconds."""


class SendCounts:
    """Counts of one class of messages; `Sender.new_counts` makes them.

    Attributes:
        accepted: Messages in the client's queue or sent from it.
        failures: Those among them that were not delivered, by Kafka's reason.
    """

    def __init__(self, errors: ClusterErrors) -> None:
        self._errors = errors
        self.accepted = 0
        self.failures: Counter[str] = Counter()

    @property
    def delivered(self) -> int:
        """Messages that were delivered or are still in flight."""
        return self.accepted - self.failures.total()

    def report(self, error: KafkaError | None, message: object) -> None:  # noqa: ARG002
        """Count a failure; the client calls this while it is polled."""
        if error is not None:
            self.failures[explain(error)] += 1
            self._errors(error)


class Sender:
    """An idempotent producer with a bounded queue, for one topic.

    Args:
        properties: Properties of the client, without `error_cb`.
        topic: The topic of all messages.
        warn: Called once with each new transient error of the cluster.
    """

    def __init__(
        self, properties: Properties, topic: str, warn: Callable[[str], None] = lambda _: None
    ) -> None:
        self._topic = topic
        self._warn = warn
        self._reported: set[str] = set()
        self._errors = ClusterErrors()
        self._connected = False
        own: Properties = {"error_cb": self._on_error, "stats_cb": self._on_statistics}
        self._producer = Producer({**properties, **STATISTICS_PROPERTIES, **own})

    def __len__(self) -> int:
        """Messages in flight, and the client's unread notices."""
        return len(self._producer)

    def new_counts(self) -> SendCounts:
        """New counts, for one class of messages."""
        return SendCounts(self._errors)

    def connect(self, stop: threading.Event, timeout: float) -> bool:
        """Wait until messages can be sent without delay, or `stop` is set.

        Messages that are produced earlier wait in the client with the timestamps of their creation,
        and are then sent in one burst. On an idle machine, that is what is due in the first 0.6 s.

        Returns:
            Whether the producer is connected; False after `timeout` seconds. Messages may be
            produced all the same.

        Raises:
            FatalKafkaError: Kafka refuses this user; states what to do.
        """
        deadline = time.monotonic() + timeout
        known = False
        while not (self._connected or stop.is_set()) and time.monotonic() < deadline:
            try:
                # The statistics list a topic only after a request for its metadata.
                known = known or bool(self._producer.list_topics(self._topic, METADATA_TIMEOUT))
            except KafkaException as failure:
                self._on_error(failure.args[0])
            self.poll(RETRY_PAUSE)
        return self._connected

    def send(self, message: Message, counts: SendCounts, stop: threading.Event) -> None:
        """Put a message into the client's queue; wait for free space in it until `stop` is set.

        Raises:
            FatalKafkaError: Kafka refuses all further messages; states what to do.
        """
        headers: Any = message.headers
        while not stop.is_set():
            try:
                self._producer.produce(
                    self._topic,
                    message.value,
                    message.key,
                    headers=headers,
                    on_delivery=counts.report,
                )
            except BufferError:
                self.poll(RETRY_PAUSE)
            except KafkaException as failure:
                counts.accepted += 1
                counts.report(failure.args[0], message)
                self.poll(0)
                return
            else:
                counts.accepted += 1
                return

    def poll(self, seconds: float) -> None:
        """Run the client's callbacks; wait up to `seconds` for the first one.

        Raises:
            FatalKafkaError: Kafka refuses all further messages; states what to do.
        """
        self._serve(self._producer.poll, seconds)
        self._errors.raise_fatal()

    def flush(self, stop: threading.Event) -> int:
        """Wait until every message is delivered or failed.

        Without `stop` that takes at most `message.timeout.ms`. After `stop`, what is left at the
        end of `STOP_TIMEOUT` is discarded and counted as failed.

        Returns:
            Messages whose outcome the client has not reported even so; 0 unless it is stuck.
        """
        deadline = float("inf")
        while self._serve(self._producer.flush, RETRY_PAUSE) and self._errors.fatal is None:
            now = time.monotonic()
            if stop.is_set():
                deadline = min(deadline, now + STOP_TIMEOUT)
            if now >= deadline:
                self._warn(f"no response from Kafka for {STOP_TIMEOUT:g} s: discarding the rest")
                break
        self._producer.purge()
        # The client counts its unread notices with the messages, and a notice (a refused
        # connection) can arrive at any moment. So one count above 0 is not a message left over.
        deadline = time.monotonic() + PURGE_TIMEOUT
        while (left := self._serve(self._producer.flush, RETRY_PAUSE)) and (
            time.monotonic() < deadline
        ):
            pass
        return left

    def _serve(self, call: Callable[[float], int], seconds: float) -> int:
        """Poll or flush; a permanent failure is noted, and what is left in flight returned."""
        try:
            return served(call, seconds)
        except KafkaException as failure:
            self._on_error(failure.args[0])
            return len(self._producer)

    def _on_statistics(self, statistics: str) -> None:
        self._connected = self._connected or is_connected(statistics, self._topic)

    def _on_error(self, error: KafkaError) -> None:
        self._errors(error)
        reason = explain(error)
        if not is_fatal(error) and reason not in self._reported:
            self._reported.add(reason)
            self._warn(reason)
