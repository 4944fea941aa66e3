"""End an open transaction."""

from typing import Final, Protocol

from confluent_kafka import KafkaException
from confluent_kafka import Producer as Client

from bearing_stream.commands.transactions.finding import OpenTransaction, Place, State
from bearing_stream.kafka import ClusterErrors, classify
from bearing_stream.kafka.connection import Properties

TIMEOUT: Final = 60.0
"""Seconds for the coordinator to abort a transaction."""


class Markers(Protocol):
    """The request of KIP-664 that aborts a hanging transaction."""

    def write_abort_marker(self, place: Place, transaction: OpenTransaction) -> None:
        """Write the marker of an aborted transaction into a partition."""


def abort(transaction: OpenTransaction, markers: Markers, properties: Properties) -> None:
    """End a transaction: none of its messages is ever read as committed.

    Of an ongoing one, the coordinator aborts it, since a new producer claims its transactional id.
    A producer that still works with it is fenced: our consumer rewinds then, and goes on. For a
    hanging one, which no coordinator knows, the leader of each partition writes an abort marker.

    Args:
        transaction: Ongoing or hanging.
        markers: Aborts a hanging one.
        properties: Connection properties of the client.

    Raises:
        FatalKafkaError: The cluster refuses; the message states what to do.
        TransientKafkaError: The cluster does not respond in time.
    """
    if transaction.state is State.HANGING:
        for place in sorted(transaction.offsets):
            markers.write_abort_marker(place, transaction)
    elif transaction.transactional_id is None or transaction.state is not State.ONGOING:
        raise ValueError(f"a transaction that is {transaction.state} is not to be aborted")
    else:
        _claim(transaction.transactional_id, properties)


def _claim(transactional_id: str, properties: Properties) -> None:
    errors = ClusterErrors()
    own = {"transactional.id": transactional_id, "error_cb": errors, "log_level": 0}
    try:
        Client(properties | own).init_transactions(TIMEOUT)
    except KafkaException as failure:
        errors.raise_fatal()
        error = classify(failure.args[0])
        raise type(error)(f"transactional id '{transactional_id}': {error}") from None
