"""Connects kafka-python's admin client like librdkafka's clients, and maps what it returns.

librdkafka has none of the requests of KIP-664. Everything else goes through librdkafka.
"""

import base64
import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from kafka.admin import AbortTransactionSpec, KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError, UnsupportedVersionError
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.structs import TopicPartition

from bearing_stream.commands.transactions.finding import (
    Coordinated,
    OpenTransaction,
    Place,
    Producer,
)
from bearing_stream.kafka import FatalKafkaError, admin_client
from bearing_stream.kafka.connection import Properties
from bearing_stream.kafka.errors import TOKEN_PROPERTIES
from bearing_stream.kafka.probe import client_tls, protocol

TIMEOUT: Final = 30.0
"""Seconds for a request."""

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
"""Ways to log in that both clients know without further packages."""

COMPLETING: Final = ("PrepareCommit", "PrepareAbort", "PrepareEpochFence")
"""States in which a coordinator writes markers."""

OPEN: Final = ("Ongoing", *COMPLETING)
"""States of a transaction that its coordinator is to end."""


class Requests:
    """The requests of KIP-664 to a cluster."""

    def __init__(self, properties: Properties, timeout: float = TIMEOUT) -> None:
        """Connect.

        Args:
            properties: Connection properties, named as in librdkafka.
            timeout: Seconds for the cluster to respond.

        Raises:
            FatalKafkaError: The cluster does not respond, or a property has no counterpart.
        """
        # It logs what the exceptions report.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        self._properties = properties
        milliseconds = round(timeout * 1000)
        with _refusals("connect"):
            self._client = KafkaAdminClient(
                **connection(properties),
                request_timeout_ms=milliseconds,
                bootstrap_timeout_ms=milliseconds,
            )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def producers(self, topics: Iterable[str]) -> list[Producer]:
        """Return the producers with a transaction open in any partition of these topics.

        Raises:
            FatalKafkaError: The cluster refuses.
        """
        existing = admin_client(self._properties).list_topics(timeout=TIMEOUT).topics
        places = [
            Place(topic, partition) for topic in topics for partition in existing[topic].partitions
        ]
        with _refusals("list the producers of a topic (READ on the topic)"):
            described = self._client.describe_producers([TopicPartition(*each) for each in places])
        return [
            Producer(
                place=Place(*place),
                producer_id=each.producer_id,
                epoch=each.producer_epoch,
                coordinator_epoch=max(each.coordinator_epoch, 0),
                last_timestamp=each.last_timestamp,
                offset=each.current_transaction_start_offset,
            )
            for place, state in described.items()
            for each in state.active_producers
            if each.current_transaction_start_offset >= 0
        ]

    def transactions(self, producer_ids: Iterable[int]) -> list[Coordinated]:
        """Return the transactions of these producers that a coordinator is to end.

        Kafka leaves out those whose transactional id this user may not describe.

        Raises:
            FatalKafkaError: The cluster refuses.
        """
        with _refusals("list transactions (DESCRIBE on the transactional ids)"):
            listed = self._client.list_transactions(
                producer_id_filters=list(producer_ids), state_filters=list(OPEN)
            )
            ids = sorted({each.transactional_id for of in listed.values() for each in of})
            described = self._client.describe_transactions(ids)
        return [
            Coordinated(
                transactional_id=name,
                producer_id=each.producer_id,
                completing=each.state.value in COMPLETING,
                timeout=each.transaction_timeout_ms / 1000,
                started=each.transaction_start_time_ms,
                places=frozenset(Place(*place) for place in each.topic_partitions),
            )
            for name, each in described.items()
            if each.state.value in OPEN
        ]

    def write_abort_marker(self, place: Place, transaction: OpenTransaction) -> None:
        """Write the marker of an aborted transaction into a partition.

        Raises:
            FatalKafkaError: The cluster refuses.
        """
        with _refusals(f"abort in partition {place.partition} of '{place.topic}'"):
            self._client.abort_transaction(
                AbortTransactionSpec(
                    TopicPartition(*place),
                    transaction.producer_id,
                    transaction.producer_epoch,
                    transaction.coordinator_epoch,
                )
            )


def connection(properties: Properties) -> dict[str, Any]:
    """Return the arguments with which kafka-python connects as librdkafka does.

    Raises:
        FatalKafkaError: There are none for the way of logging in, or for the form of a key.
    """
    servers = str(properties["bootstrap.servers"]).split(",")
    given: dict[str, Any] = {
        "bootstrap_servers": [each.strip().rpartition("://")[2] for each in servers],
        "security_protocol": protocol(properties),
    }
    if "SSL" in protocol(properties):
        given["ssl_context"] = client_tls(properties)
    if protocol(properties).startswith("SASL"):
        given |= _login(properties)
    return given


def _login(properties: Properties) -> dict[str, Any]:
    mechanism = properties.get("sasl.mechanism", properties.get("sasl.mechanisms", "GSSAPI"))
    mechanism = str(mechanism).upper()
    if mechanism not in MECHANISMS:
        raise FatalKafkaError(
            f"`transactions` cannot log in with sasl.mechanism {mechanism}: use a listener with "
            f"one of {', '.join(MECHANISMS)}, or a client certificate"
        )
    if mechanism == "OAUTHBEARER":
        return {"sasl_mechanism": mechanism, "sasl_oauth_token_provider": _Token(properties)}
    return {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": properties.get("sasl.username", properties.get("sasl.user")),
        "sasl_plain_password": properties.get("sasl.password"),
    }


class _Token(AbstractTokenProvider):  # type: ignore[misc]
    """Holds a token of the identity provider, which outlives the command."""

    def __init__(self, properties: Properties) -> None:
        super().__init__()
        self._token = _fetch_token(properties)

    def token(self) -> str:
        """Return the token."""
        return self._token


def _fetch_token(properties: Properties) -> str:
    """Fetch a token with the client's id and secret (RFC 6749, 4.4), as librdkafka does."""
    prefix = "sasl.oauthbearer."
    client, secret = (properties.get(f"{prefix}client.{each}", "") for each in ("id", "secret"))
    form = {"grant_type": "client_credentials"}
    if scope := properties.get(f"{prefix}scope"):
        form["scope"] = scope
    login = base64.b64encode(f"{client}:{secret}".encode()).decode()
    try:
        request = Request(
            properties[f"{prefix}token.endpoint.url"],
            urlencode(form).encode(),
            {"Authorization": f"Basic {login}"},
        )
        with urlopen(request, timeout=TIMEOUT) as response:
            return str(json.load(response)["access_token"])
    except (OSError, ValueError, KeyError) as error:
        # The text of the error may hold a part of the response, and that a token.
        raise FatalKafkaError(
            f"no token: check {TOKEN_PROPERTIES} — {type(error).__name__}"
        ) from None


@contextmanager
def _refusals(action: str) -> Iterator[None]:
    """Turn errors of kafka-python into one line that names the action."""
    try:
        yield
    except AuthorizationError as error:
        raise FatalKafkaError(
            f"this user may not {action}: SECURITY.md lists the ACLs of `transactions` — Kafka "
            f"reported: {error}"
        ) from error
    except UnsupportedVersionError as error:
        raise FatalKafkaError(
            f"the broker is too old to {action}: it takes Kafka 3.0 — {error}"
        ) from error
    except KafkaError as error:
        raise FatalKafkaError(f"Kafka does not {action}: {error}") from error
