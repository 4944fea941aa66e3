"""Whether the output partitions have had the same leaders since the transaction before this one.

Where a partition has a single replica and its broker dies, Kafka 4 may leave the last transaction
of a producer undecided there. A later transaction of the same producer decides it; one of another
producer does not. Were that committed first, and the undecided one aborted in a recovery, the
results that are made again would come after later ones of the same sensor. So the other producer's
transaction is given up if a leader has changed: each time a broker dies, its partitions get a
higher leader epoch.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from bearing_stream.kafka import TransientKafkaError, classify
from consumer.batch import Partition
from consumer.liveness import budget

LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class Leaders(Protocol):
    """The leaders of the output partitions."""

    def check(self, timeout: float) -> None:
        """Return if no leader has changed since the last call, or since `reset`.

        Raises:
            TransientKafkaError: One has, or Kafka does not respond within `timeout` seconds.
            FatalKafkaError: Kafka refuses.
        """

    def reset(self) -> None:
        """Let the next call of `check` compare nothing: all before it is decided."""


class OutputLeaders(Leaders):
    """The leaders, by their epochs as Kafka states them."""

    def __init__(self, admin: AdminClient, topics: Iterable[str]) -> None:
        """Ask nothing yet.

        Args:
            admin: A client of a user who may describe the topics.
            topics: Of the output. Partitions that are added are included after `reset`.
        """
        self._admin = admin
        self._topics = sorted(topics)
        self._places: list[TopicPartition] = []
        self._epochs: dict[Partition, int | None] | None = None

    def check(self, timeout: float) -> None:
        """See `Leaders`."""
        try:
            found = self._find(min(timeout, budget.REQUEST))
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        known, self._epochs = self._epochs, found
        if known is not None and known != found:
            raise TransientKafkaError(
                "a partition of the output has got another leader, which may not have the end of "
                "the last transaction"
            )

    def reset(self) -> None:
        """See `Leaders`."""
        self._epochs = None
        # The client keeps the leader epochs of its last metadata, which a new leader refuses.
        self._places = []

    def _find(self, timeout: float) -> dict[Partition, int | None]:
        if not self._places:
            for topic in self._topics:
                partitions = self._admin.list_topics(topic, timeout).topics[topic].partitions
                self._places += [TopicPartition(topic, number) for number in partitions]
        found = self._admin.list_offsets(
            dict.fromkeys(self._places, LATEST),
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=timeout,
        )
        return {
            (place.topic, place.partition): end.result().leader_epoch
            for place, end in found.items()
        }
