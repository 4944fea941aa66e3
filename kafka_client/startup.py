"""At the start: is the cluster there, do the topics exist, are we let in?"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from kafka_client.connection import Properties
from kafka_client.errors import FatalKafkaError, explain, is_fatal

RETRY_PAUSE = 0.5
"""Seconds between two looks at the cluster."""

LOOK_TIMEOUT = 5.0
"""Seconds that one look may take."""

FIRST_LOOK_TIMEOUT = 1.0
"""The same of the first look where more may follow: whoever waits is soon told for what."""


class Missing(NamedTuple):
    """Why the cluster is not ready."""

    what: str
    advice: str
    said: str = ""
    """What Kafka said, where that says more."""


class ClusterErrors:
    """Remembers what librdkafka reports of the cluster as a whole; give it as `error_cb`.

    librdkafka reports a refused login or a failed TLS handshake only here: a request that needed
    the connection merely times out. That all brokers are down hides no cause known before.
    """

    def __init__(self) -> None:
        self.fatal: KafkaError | None = None
        self.latest: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Note an error; called by librdkafka while the client is polled."""
        if self.latest is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.latest = error
        if self.fatal is None and is_fatal(error):
            self.fatal = error

    def raise_fatal(self) -> None:
        """Raise the first fatal error seen, if there was one.

        Raises:
            FatalKafkaError: With one line that says what to do.
        """
        if self.fatal is not None:
            raise FatalKafkaError(explain(self.fatal))


def admin_client(properties: Properties, errors: ClusterErrors | None = None) -> AdminClient:
    """A client for questions about the cluster.

    Args:
        properties: Of any client; those that do not concern connecting are left out.
        errors: Told what the client reports of the cluster.

    Raises:
        FatalKafkaError: A property is wrong.
    """
    kept = (
        "bootstrap.",
        "security.",
        "sasl.",
        "ssl.",
        "enable.ssl.",
        "socket.",
        "client.",
        "broker.",
    )
    own: Properties = {n: value for n, value in properties.items() if n.startswith(kept)}
    # Everything the client has to say reaches the user through ClusterErrors.
    own |= {"log_level": 0}
    try:
        return AdminClient(own, error_cb=errors or ClusterErrors())
    except KafkaException as failure:
        raise FatalKafkaError(explain(failure.args[0])) from None


def wait_for_topics(
    properties: Properties,
    topics: Iterable[str],
    timeout: float,
    waiting: Callable[[str], None],
    otherwise: str = "start the consumer with --create-topics",
) -> None:
    """Return when the cluster answers and has these topics.

    Args:
        properties: Connection properties of the client (others are left out).
        topics: Names that must exist.
        timeout: Seconds after which waiting ends.
        waiting: Told each new reason for waiting, once.
        otherwise: What else creates a missing topic, beside Kafka's own tools.

    Raises:
        FatalKafkaError: A property is wrong, the cluster does not let us in, or it is not there or
            lacks a topic after `timeout` seconds. One line says which and, if `waiting` was not
            told yet, what to do.
    """
    errors = ClusterErrors()
    admin = admin_client(properties, errors)
    deadline = time.monotonic() + timeout
    told: set[str] = set()
    look = min(FIRST_LOOK_TIMEOUT, LOOK_TIMEOUT) if timeout > FIRST_LOOK_TIMEOUT else LOOK_TIMEOUT
    while True:
        missing = _missing(
            admin, look, errors, properties["bootstrap.servers"], set(topics), otherwise
        )
        if missing is None:
            return
        errors.raise_fatal()
        if errors.latest is not None and errors.latest.code() == KafkaError._SSL:
            # While running it may pass (a broker restarts in the handshake); at the start it is us.
            raise FatalKafkaError(
                "TLS failed: check security.protocol, ssl.ca.location and the certificates "
                f"— Kafka said: {errors.latest.str()}"
            )
        if time.monotonic() >= deadline:
            advice = "" if missing.what in told else f": {missing.advice}"
            said = f" — Kafka said: {missing.said}" if missing.said else ""
            raise FatalKafkaError(f"{missing.what}{advice}{said} (waited {timeout:g} s)")
        if missing.what not in told:
            waiting(f"{missing.what}; waiting up to {timeout:g} s ({missing.advice})")
            told.add(missing.what)
        look = LOOK_TIMEOUT
        admin.poll(RETRY_PAUSE)


def create_topics(
    properties: Properties,
    partitions: Mapping[str, int],
    replication: int = -1,
    topic_properties: Mapping[str, str] | None = None,
) -> None:
    """Create those of these topics that do not exist yet.

    Args:
        properties: Connection properties of the client.
        partitions: Topic → number of partitions.
        replication: Replicas of each partition; -1 leaves it to the broker.
        topic_properties: Topic-level configuration, as Kafka names it.

    Raises:
        FatalKafkaError: A property is wrong, or a topic could not be created.
    """
    admin = admin_client(properties)
    new = [
        NewTopic(name, count, replication, config=dict(topic_properties or {}))
        for name, count in partitions.items()
    ]
    for name, created in admin.create_topics(new, operation_timeout=30).items():
        try:
            created.result()
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise FatalKafkaError(f"cannot create topic '{name}': {explain(error)}") from None


def _missing(
    admin: AdminClient,
    look: float,
    errors: ClusterErrors,
    servers: str,
    topics: set[str],
    otherwise: str,
) -> Missing | None:
    """Why the cluster is not ready, or None when it is."""
    try:
        existing = admin.list_topics(timeout=look).topics
    except KafkaException as failure:
        error: KafkaError = failure.args[0]
        # Hear what the connection itself has to say: a refused login comes only this way.
        admin.poll(0)
        if errors.latest is None or is_fatal(error):
            errors(error)
        latest = errors.latest or error
        return Missing(
            f"no Kafka broker answers at {servers}",
            "is it running, and is the address right?",
            "" if latest.code() == KafkaError._ALL_BROKERS_DOWN else latest.str(),
        )
    absent = sorted(topics - existing.keys())
    if not absent:
        return None
    return Missing(
        f"the cluster at {servers} has no topic {', '.join(map(repr, absent))}",
        f"create it with kafka-topics.sh --create, or {otherwise}",
    )
