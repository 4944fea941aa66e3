"""Find open transactions, and whether Kafka will end them by itself.

The leader of a partition knows which producers have a transaction open in it (DescribeProducers).
The transaction coordinator knows the transactions that it will end (DescribeTransactions). A
transaction that is open in a partition, and that no coordinator is to end there, hangs: readers of
committed messages wait for it without end (KIP-664).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from bearing_stream.commands.transactions.settings import TransactionSettings


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class State(StrEnum):
    """What becomes of an open transaction."""

    ONGOING = "ongoing"
    """Its coordinator aborts it after its timeout, unless the producer ends it before."""

    COMPLETING = "completing"
    """Its coordinator is writing the markers, and waits for the leaders of the partitions."""

    UNKNOWN = "unknown"
    """No coordinator reports it, or none that this user may ask; it is not old enough to be
    regarded as hanging."""

    HANGING = "hanging"
    """No coordinator reports it: nothing ends it."""


ABORTABLE: Final = (State.ONGOING, State.HANGING)
"""The states in which `abort` ends a transaction. In the others the coordinator is about to."""


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction of one producer, as far as it is open in the partitions searched."""

    state: State
    producer_id: int
    producer_epoch: int
    coordinator_epoch: int
    """Of the coordinator that wrote the producer's last marker; 0 if it wrote none."""

    age: float
    """Seconds since it began, by the clock of its coordinator; without one, since its producer's
    last message, by the timestamp of that message."""

    offsets: Mapping[Place, int]
    """Partition → the transaction's first offset, beyond which no committed message is read."""

    transactional_id: str | None = None
    """None if no coordinator reports it."""

    timeout: float | None = None
    """Seconds after which the coordinator aborts it; None if no coordinator reports it."""

    def as_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "state": self.state,
            "transactional_id": self.transactional_id,
            "producer_id": self.producer_id,
            "producer_epoch": self.producer_epoch,
            "open_seconds": round(self.age, 3),
            "timeout_seconds": self.timeout,
            "open_in": [
                {"topic": place.topic, "partition": place.partition, "offset": offset}
                for place, offset in sorted(self.offsets.items())
            ],
        }


@dataclass(frozen=True, slots=True)
class Producer:
    """A producer with a transaction open in a partition, as the leader describes it."""

    place: Place
    producer_id: int
    epoch: int
    coordinator_epoch: int
    last_timestamp: int
    """Of its last message there, in milliseconds since the epoch."""
    offset: int
    """The transaction's first offset there."""


@dataclass(frozen=True, slots=True)
class Coordinated:
    """A transaction as its coordinator describes it."""

    transactional_id: str
    producer_id: int
    completing: bool
    """Whether it is being committed or aborted; otherwise, it is ongoing."""
    timeout: float
    """In seconds."""
    started: int
    """In milliseconds since the epoch."""
    places: frozenset[Place] = field(default_factory=frozenset)


class Cluster(Protocol):
    """The requests of KIP-664."""

    def producers(self, topics: Iterable[str]) -> list[Producer]:
        """Return the producers with a transaction open in any partition of these topics."""

    def transactions(self, producer_ids: Iterable[int]) -> list[Coordinated]:
        """Return the transactions of these producers that a coordinator is to end."""


def find(cluster: Cluster, settings: TransactionSettings, now: float) -> list[OpenTransaction]:
    """Return the transactions open for `older_than` or longer, the oldest first.

    Args:
        cluster: Where to search.
        settings: What to search, and which transactions to return.
        now: Seconds since the epoch, by the clock of the cluster.

    Raises:
        FatalKafkaError: The cluster refuses a request.
    """
    producers = cluster.producers(settings.searched)
    ids = sorted({producer.producer_id for producer in producers})
    coordinated = {each.producer_id: each for each in cluster.transactions(ids)} if ids else {}
    groups: dict[tuple[int, int, Coordinated | None], list[Producer]] = {}
    for producer in producers:
        known = coordinated.get(producer.producer_id)
        if known is not None and producer.place not in known.places:
            # The coordinator has ended the transaction here, or believes so.
            known = None
        groups.setdefault((producer.producer_id, producer.epoch, known), []).append(producer)
    found = [
        _transaction(members, known, settings, now) for (_, _, known), members in groups.items()
    ]
    old = (each for each in found if each.age >= settings.older_than)
    return sorted(old, key=lambda each: each.age, reverse=True)


def _transaction(
    members: list[Producer], known: Coordinated | None, settings: TransactionSettings, now: float
) -> OpenTransaction:
    began = known.started if known else max(each.last_timestamp for each in members)
    age = max(now - began / 1000, 0.0)
    if known is None:
        state = State.HANGING if age >= settings.hanging_after else State.UNKNOWN
    else:
        state = State.COMPLETING if known.completing else State.ONGOING
    return OpenTransaction(
        state=state,
        producer_id=members[0].producer_id,
        producer_epoch=members[0].epoch,
        coordinator_epoch=max(each.coordinator_epoch for each in members),
        age=age,
        offsets={each.place: each.offset for each in members},
        transactional_id=known.transactional_id if known else None,
        timeout=known.timeout if known else None,
    )
