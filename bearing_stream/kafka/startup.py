"""Checks at the start: is the cluster reachable, do the topics exist, may this user use them?"""

import time
from collections.abc import Callable, Iterable
from math import inf
from typing import NamedTuple, cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin._metadata import BrokerMetadata

from bearing_stream.kafka.access import Need, TopicCheck, check_topics, refusal, refuses_group
from bearing_stream.kafka.admin import admin_client
from bearing_stream.kafka.connection import Properties
from bearing_stream.kafka.errors import (
    ClusterErrors,
    FatalKafkaError,
    explain,
    is_fatal,
    lacks_token,
)
from bearing_stream.kafka.probe import listening, protocol, tls_trouble, unreachable

RETRY_PAUSE = 0.5
"""Seconds between two checks of the cluster."""

CHECK_TIMEOUT = 5.0
"""Timeout in seconds of one check."""

FIRST_CHECK_TIMEOUT = 1.0
"""Timeout of the first check if others may follow, so that users soon see why they wait."""


class Missing(NamedTuple):
    """Why the cluster is not ready."""

    what: str
    advice: str
    detail: str = ""
    """Further facts, such as what Kafka reported."""

    def error(self, timeout: float) -> FatalKafkaError:
        """The error after waiting for `timeout` seconds."""
        detail = f" — {self.detail}" if self.detail else ""
        return FatalKafkaError(f"{self.what}: {self.advice}{detail} (waited {timeout:g} s)")


def wait_for_topics(
    properties: Properties,
    topics: Iterable[str],
    timeout: float,
    waiting: Callable[[str], None],
    otherwise: str = "start the consumer with --create-topics",
    *,
    written: Iterable[str] = (),
    group: str | None = None,
) -> None:
    """Wait until the cluster responds, has these topics, and permits this user to use them.

    Args:
        properties: Connection properties of the client (others are ignored).
        topics: Names of topics that the program reads.
        timeout: Seconds after which waiting ends.
        waiting: Called once with each new reason for waiting.
        otherwise: A way to create a missing topic other than Kafka's own tools.
        written: Names of topics that the program writes.
        group: Consumer group to join.

    Raises:
        FatalKafkaError: A property is invalid, the cluster refuses this user or an operation, or it
            is unreachable or lacks a topic after `timeout` seconds. The message is one line with
            the reason and what to do.
    """
    needs = [Need("READ", "topic", name) for name in topics]
    needs += [Need("WRITE", "topic", name) for name in written]
    cluster = _Cluster(properties, needs, group, otherwise)
    deadline = time.monotonic() + timeout
    reported: set[str] = set()
    check_timeout = FIRST_CHECK_TIMEOUT if timeout > FIRST_CHECK_TIMEOUT else CHECK_TIMEOUT
    while (missing := cluster.missing(check_timeout)) is not None:
        if time.monotonic() >= deadline:
            raise missing.error(timeout)
        if missing.what not in reported:
            limit = "" if timeout == inf else f" up to {timeout:g} s"
            waiting(f"{missing.what}; waiting{limit} ({missing.advice})")
            reported.add(missing.what)
        check_timeout = CHECK_TIMEOUT
        cluster.pause()


class _Cluster:
    """Checks the cluster with the permissions of this user."""

    def __init__(
        self, properties: Properties, needs: list[Need], group: str | None, otherwise: str
    ) -> None:
        self._properties = properties
        self._needs = needs
        self._group = group
        self._otherwise = otherwise
        self._servers = properties["bootstrap.servers"]
        self._errors = ClusterErrors()
        self._admin = admin_client(properties, self._errors)

    def pause(self) -> None:
        """Wait until the next check."""
        self._admin.poll(RETRY_PAUSE)

    def missing(self, timeout: float) -> Missing | None:
        """Why the cluster is not ready, or None when it is.

        Raises:
            FatalKafkaError: Waiting cannot help.
        """
        try:
            metadata = self._admin.list_topics(timeout=timeout)
        except KafkaException as failure:
            return self._unreachable(failure.args[0])
        existing = metadata.topics
        try:
            found = check_topics(self._admin, self._needs, timeout)
        except KafkaException as failure:
            if misnamed := self._misnamed(metadata.brokers.values()):
                return misnamed
            if timeout < CHECK_TIMEOUT:
                return Missing(
                    f"the cluster at {self._servers} does not report what this user may do",
                    "is it still starting?",
                    explain(failure.args[0]),
                )
            # The brokers respond and the controller does not: reading and writing do not need it.
            absent = sorted({need.name for need in self._needs} - existing.keys())
            found = TopicCheck(tuple(absent))
        refused = list(found.refused)
        if self._group is not None and refuses_group(self._admin, self._group, timeout):
            refused.append(Need("READ", "group", self._group))
        if refused:
            raise refusal(self._properties, refused)
        for name, error in found.failed.items():
            return self._failed_topic(name, error)
        if not found.absent:
            return None
        return Missing(
            f"the cluster at {self._servers} has no topic {', '.join(map(repr, found.absent))}",
            f"create it with kafka-topics.sh --create, or {self._otherwise}",
        )

    def _misnamed(self, brokers: Iterable[BrokerMetadata]) -> Missing | None:
        """That the brokers respond, and call themselves what this machine cannot reach."""
        reasons = {}
        for broker in brokers:
            address = (cast("str", broker.host), broker.port)
            reason = unreachable(address)
            if reason is None:
                return None
            reasons[address] = reason
        bootstrap = listening(self._properties) if reasons else None
        if bootstrap is None:
            return None
        names = ", ".join(f"{host}:{port}, which {why}" for (host, port), why in reasons.items())
        return Missing(
            f"the broker at {bootstrap[0]}:{bootstrap[1]} responds, and calls itself {names}",
            "set advertised.listeners of each broker to an address that this machine reaches",
        )

    def _failed_topic(self, name: str, error: KafkaError) -> Missing:
        reason = f"the cluster at {self._servers} cannot describe topic '{name}'"
        if is_fatal(error):
            raise FatalKafkaError(f"{reason}: {explain(error)}")
        return Missing(reason, "is one of its brokers down?", explain(error))

    def _unreachable(self, error: KafkaError) -> Missing:
        # Receive the errors of the connection: a refused login is reported only there.
        self._admin.poll(0)
        if self._errors.latest is None or is_fatal(error):
            self._errors(error)
        self._errors.raise_fatal()
        latest = self._errors.latest or error
        # A name that does not resolve cannot be probed, and a second attempt takes seconds.
        address = None if latest.code() == KafkaError._RESOLVE else listening(self._properties)
        if address and (trouble := tls_trouble(address, self._properties)):
            raise FatalKafkaError(f"TLS failed: {trouble}")
        if latest.code() == KafkaError._SSL:
            # Later it is transient (a broker restarts during the handshake); at the start it is a
            # wrong setting.
            raise FatalKafkaError(
                "TLS failed: check security.protocol, ssl.ca.location and our own certificate, "
                f"ssl.certificate.location — Kafka reported: {latest.str()}"
            )
        if lacks_token(latest):
            return Missing(
                "the identity provider issues no token",
                "is it up, and are the client's id and secret right?",
                explain(latest),
            )
        if address:
            detail = (
                "a process listens there: does it speak Kafka, and is security.protocol "
                f"({protocol(self._properties)}) that of this listener?"
            )
        elif latest.code() == KafkaError._ALL_BROKERS_DOWN:
            detail = ""
        else:
            detail = f"Kafka reported: {latest.str()}"
        return Missing(
            f"no Kafka broker responds at {self._servers}",
            "is it running, and is the address right?",
            detail,
        )
