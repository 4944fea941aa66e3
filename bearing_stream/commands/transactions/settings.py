"""The settings of `bearing-stream transactions`."""

from typing import Final

from bearing_stream.config import Duration
from bearing_stream.kafka import TopicSettings

OFFSETS_TOPIC: Final = "__consumer_offsets"
"""Where a transaction commits the offsets of a group."""


class TransactionSettings(TopicSettings):
    """Which transactions to list, and to abort."""

    older_than: Duration = 60.0
    """Seconds that a transaction must have been open. By default, that is six times the
    `transaction_timeout` of a consumer, which no working consumer reaches."""

    hanging_after: Duration = 1200.0
    """Seconds after which a transaction that no coordinator reports counts as hanging. By default,
    20 minutes: Kafka's `transaction.max.timeout.ms` (15 minutes), and five minutes."""

    offsets: bool = False
    """Search `__consumer_offsets` too, where transactions commit the offsets of groups. It needs
    READ on that topic."""

    @property
    def searched(self) -> tuple[str, ...]:
        """The topics to search."""
        topics = (self.windows_topic, self.diagnoses_topic, self.dead_letters_topic)
        return (*topics, OFFSETS_TOPIC) if self.offsets else topics
