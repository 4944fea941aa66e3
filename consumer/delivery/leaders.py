"""Whether the output partitions have had the same leaders since the transaction before this one.

Where a partition has a single replica and its broker dies, Kafka 4 may leave the last transaction
of a producer undecided there. A later transaction of the same producer decides it; one of another
producer does not. Were that committed first, and the undecided one aborted in a recovery, the
results that are made again would come after later ones of the same sensor. So the other producer's
transaction is given up if a leader has changed: each time a broker dies, its partitions get a
higher leader epoch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from bearing_stream.kafka import TransientKafkaError, classify
from consumer.liveness import budget
from consumer.messages import Partition

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


@dataclass(slots=True)
class _Known:
    """What is known since a reset; a call that was given up may still write into an earlier one."""

    places: list[TopicPartition] = field(default_factory=list)
    epochs: dict[Partition, int | None] | None = None


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
        self._known = _Known()

    def check(self, timeout: float) -> None:
        """See `Leaders`."""
        known = self._known
        try:
            found = self._find(known, min(timeout, budget.REQUEST))
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        before, known.epochs = known.epochs, found
        if before is not None and before != found:
            raise TransientKafkaError(
                "a partition of the output has got another leader, which may not have the end of "
                "the last transaction"
            )

    def reset(self) -> None:
        """See `Leaders`."""
        self._known = _Known()

    def _find(self, known: _Known, timeout: float) -> dict[Partition, int | None]:
        if not known.places:
            # For the metadata, too: the client keeps the leader epochs of its last one, which a new
            # leader refuses.
            for topic in self._topics:
                partitions = self._admin.list_topics(topic, timeout).topics[topic].partitions
                known.places += [TopicPartition(topic, number) for number in partitions]
            if not known.places:
                raise TransientKafkaError(f"there are no topics {', '.join(self._topics)}")
        found = self._admin.list_offsets(
            dict.fromkeys(known.places, LATEST),
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=timeout,
        )
        return {
            (place.topic, place.partition): end.result().leader_epoch
            for place, end in found.items()
        }
