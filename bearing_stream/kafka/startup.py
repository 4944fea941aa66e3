"""At the start: is the cluster there, do the topics exist, are we let in?"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from bearing_stream.kafka.access import Need, Topics, look_at_topics, refusal, refuses_group
from bearing_stream.kafka.connection import Properties
from bearing_stream.kafka.errors import FatalKafkaError, explain, is_fatal, lacks_token
from bearing_stream.kafka.probe import listening, protocol, tls_trouble

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
    """What else is known, such as what Kafka said."""


class ClusterErrors:
    """Remembers what librdkafka reports of the cluster as a whole; give it as `error_cb`.

    librdkafka reports a refused login or a failed TLS handshake only here: a request that needed
    the connection merely times out. That all brokers are down hides no cause known before.
    """

    def __init__(self, in_group: bool = True) -> None:
        """Know nothing yet.

        Args:
            in_group: Whether the client needs its group. One that reads without joining has to
                name some group all the same, looks for its coordinator, and may be refused; that
                is no trouble then.
        """
        self._in_group = in_group
        self.fatal: KafkaError | None = None
        self.latest: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Note an error; called by librdkafka while the client is polled."""
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED and not self._in_group:
            return
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
    *,
    written: Iterable[str] = (),
    group: str | None = None,
) -> None:
    """Return when the cluster answers, and has these topics and lets us use them.

    Args:
        properties: Connection properties of the client (others are left out).
        topics: Names that must exist, to be read.
        timeout: Seconds after which waiting ends.
        waiting: Told each new reason for waiting, once.
        otherwise: What else creates a missing topic, beside Kafka's own tools.
        written: Names that must exist, to be written.
        group: Consumer group to join.

    Raises:
        FatalKafkaError: A property is wrong, the cluster does not let us in or refuses what we
            need, or it is not there or lacks a topic after `timeout` seconds. One line says which
            and, if `waiting` was not told yet, what to do.
    """
    cluster = _Cluster(
        properties,
        [Need("READ", "topic", name) for name in topics]
        + [Need("WRITE", "topic", name) for name in written],
        group,
        otherwise,
    )
    deadline = time.monotonic() + timeout
    told: set[str] = set()
    look = min(FIRST_LOOK_TIMEOUT, LOOK_TIMEOUT) if timeout > FIRST_LOOK_TIMEOUT else LOOK_TIMEOUT
    while (missing := cluster.missing(look)) is not None:
        if time.monotonic() >= deadline:
            advice = "" if missing.what in told else f": {missing.advice}"
            said = f" — {missing.said}" if missing.said else ""
            raise FatalKafkaError(f"{missing.what}{advice}{said} (waited {timeout:g} s)")
        if missing.what not in told:
            waiting(f"{missing.what}; waiting up to {timeout:g} s ({missing.advice})")
            told.add(missing.what)
        look = LOOK_TIMEOUT
        cluster.pause()


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


def largest_message(properties: Properties, topic: str) -> int:
    """Bytes of the largest batch of messages, as it is compressed, that a topic takes.

    Raises:
        FatalKafkaError: A property is wrong, or the cluster does not say.
    """
    admin, asked = admin_client(properties), ConfigResource(ResourceType.TOPIC, topic)
    try:
        answer = admin.describe_configs([asked], request_timeout=LOOK_TIMEOUT)
        return int(answer[asked].result()["max.message.bytes"].value)
    except KafkaException as failure:
        raise FatalKafkaError(
            f"cannot look at the settings of topic '{topic}': {explain(failure.args[0])}"
        ) from None


class _Cluster:
    """Looks at the cluster, as its user."""

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
        """Wait until the next look."""
        self._admin.poll(RETRY_PAUSE)

    def missing(self, timeout: float) -> Missing | None:
        """Why the cluster is not ready, or None when it is.

        Raises:
            FatalKafkaError: It will not be by waiting.
        """
        try:
            there = self._admin.list_topics(timeout=timeout).topics
        except KafkaException as failure:
            return self._no_answer(failure.args[0])
        try:
            found = look_at_topics(self._admin, self._needs, timeout)
        except KafkaException as failure:
            if timeout < LOOK_TIMEOUT:
                return Missing(
                    f"the cluster at {self._servers} does not say what this user may do",
                    "is it still starting?",
                    explain(failure.args[0]),
                )
            # Its brokers answer, and its controller does not: all that we need can go on without.
            absent = sorted({need.name for need in self._needs} - there.keys())
            found = Topics(tuple(absent), ())
        refused = list(found.refused)
        if self._group is not None and refuses_group(self._admin, self._group, timeout):
            refused.append(Need("READ", "group", self._group))
        if refused:
            raise refusal(self._properties, refused)
        if not found.absent:
            return None
        return Missing(
            f"the cluster at {self._servers} has no topic {', '.join(map(repr, found.absent))}",
            f"create it with kafka-topics.sh --create, or {self._otherwise}",
        )

    def _no_answer(self, error: KafkaError) -> Missing:
        # Hear what the connection itself has to say: a refused login comes only this way.
        self._admin.poll(0)
        if self._errors.latest is None or is_fatal(error):
            self._errors(error)
        self._errors.raise_fatal()
        latest = self._errors.latest or error
        # What cannot be resolved, and keeps whoever tries waiting, needs no trying.
        address = None if latest.code() == KafkaError._RESOLVE else listening(self._properties)
        if address and (trouble := tls_trouble(address, self._properties)):
            raise FatalKafkaError(f"TLS failed: {trouble}")
        if latest.code() == KafkaError._SSL:
            # While running it may pass (a broker restarts in the handshake); at the start it is us.
            raise FatalKafkaError(
                "TLS failed: check security.protocol, ssl.ca.location and our own certificate, "
                f"ssl.certificate.location — Kafka said: {latest.str()}"
            )
        if lacks_token(latest):
            return Missing(
                "the identity provider gives no token",
                "is it up, and are the client's id and secret right?",
                explain(latest),
            )
        if address:
            said = (
                "something listens there: does it speak Kafka, and is security.protocol "
                f"({protocol(self._properties)}) that of this listener?"
            )
        elif latest.code() == KafkaError._ALL_BROKERS_DOWN:
            said = ""
        else:
            said = f"Kafka said: {latest.str()}"
        return Missing(
            f"no Kafka broker answers at {self._servers}",
            "is it running, and is the address right?",
            said,
        )
