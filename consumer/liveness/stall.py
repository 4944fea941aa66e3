"""Notices when windows wait and none comes, though nothing seems to be wrong."""

import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from bearing_stream.kafka import FatalKafkaError, Span, TopicReader
from bearing_stream.kafka.connection import Properties
from consumer.batch import Origin, Positions
from consumer.delivery.base import Undelivered

INTERVAL: Final = 30.0
"""Seconds without a message after which somebody else looks whether one waits."""

LOOKS: Final = 2
"""In a row that find one, after which it is a stall."""

READ_TIMEOUT: Final = 5.0


class Flow(Protocol):
    """What is watched; see `source.WindowSource`."""

    @property
    def received(self) -> int:
        """Messages that ever came."""

    def positions(self) -> Positions:
        """Where the next message of each partition is expected; raises `Undelivered`."""


class StallCheck:
    """Looks now and then, while nothing comes, whether there would be something.

    A client that fetches nothing any more looks like a plant that stands still. And librdkafka 2.16
    waits without a word where Kafka does not tell where to begin, because a transaction with the
    group's offsets is still open.
    """

    def __init__(
        self,
        flow: Flow,
        waiting: Callable[[Positions], Origin | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up.

        Args:
            flow: What should bring messages.
            waiting: Finds a message at these positions or behind them, in another way. Raises
                `Undelivered`.
            clock: Monotonic seconds.
        """
        self._flow = flow
        self._waiting = waiting
        self._clock = clock
        self._received = 0
        self._looked_at = clock()
        self._found = 0
        self._log = structlog.get_logger("consumer")

    def look(self) -> None:
        """To be called all the time.

        Raises:
            FatalKafkaError: It stands still, and another process should go on.
        """
        now = self._clock()
        if self._flow.received != self._received:
            self._received, self._looked_at, self._found = self._flow.received, now, 0
        elif now >= self._looked_at + INTERVAL:
            self._look_again()
            self._looked_at = self._clock()

    def _look_again(self) -> None:
        try:
            found = self._waiting(self._flow.positions())
        except Undelivered as still:
            self._log.warning(
                "nothing comes, and Kafka does not tell whether windows wait",
                reason=str(still),
                advice="if it stays so while the brokers are up, a transaction with this group's "
                "offsets may hang: kafka-transactions.sh find-hanging, abort",
            )
            return
        if found is None:
            self._found = 0
            return
        self._found += 1
        (topic, partition), offset = found
        place = f"offset {offset} of partition {partition} of '{topic}'"
        self._log.warning("windows wait and none comes", first=place)
        if self._found >= LOOKS:
            raise FatalKafkaError(
                f"the Kafka client brings nothing, though others can read {place}: it is stuck, "
                "and starting again helps"
            )


def waiting_in(properties: Properties, topic: str, positions: Positions) -> Origin | None:
    """Find a message of a topic at these positions or behind them, outside of any group.

    Raises:
        Undelivered: Kafka does not tell now.
    """
    try:
        with TopicReader(properties, topic, timeout=READ_TIMEOUT) as reader:
            spans = {
                partition: Span(max(positions[topic, partition], span.start), span.end)
                for partition, span in reader.spans().items()
                if (topic, partition) in positions
            }
            for message in reader.read(spans):
                return Origin((topic, message.partition() or 0), message.offset() or 0)
    except FatalKafkaError as refusal:
        raise Undelivered(str(refusal)) from None
    return None
