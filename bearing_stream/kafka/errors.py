"""Which Kafka errors are transient, which are fatal, and what the user can do about them.

librdkafka retries transient errors by itself: an unreachable broker, a moved leader, a full queue.
This module classifies the errors that it reports to the application: a transient error is logged
and retried, a fatal error ends the process with one line. A process that cannot work must not
appear healthy.
"""

import re
from typing import Final

from confluent_kafka import KafkaError


class FatalKafkaError(RuntimeError):
    """Kafka refuses the operation, and a retry cannot succeed; the message states what to do."""


class TransientKafkaError(RuntimeError):
    """The operation failed, and a retry can succeed."""


class RetriableKafkaError(TransientKafkaError):
    """The client library reports that the same call can be repeated."""


class FencedError(TransientKafkaError):
    """Another producer has taken over the transactional id, or Kafka timed the transaction out."""


RECORD_REFUSED: Final = frozenset(
    (
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
    )
)
"""Errors about one record: its size, its missing key, its timestamp."""

REFUSED: Final = RECORD_REFUSED | {
    KafkaError.POLICY_VIOLATION,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError.INVALID_REQUIRED_ACKS,
    KafkaError.INVALID_TRANSACTION_TIMEOUT,
}
"""Errors with which a topic or the cluster refuses a request, and would refuse it again."""

FENCED: Final = frozenset(
    (
        KafkaError._FENCED,
        KafkaError._FATAL,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    )
)
"""Errors of a producer whose transactional id belongs to a newer one."""


ADVICE: Final[dict[int, str]] = {
    KafkaError._AUTHENTICATION: "the broker refuses these credentials: check sasl.username, "
    "sasl.password and sasl.mechanism",
    KafkaError.SASL_AUTHENTICATION_FAILED: "the broker refuses these credentials: check "
    "sasl.username, sasl.password and sasl.mechanism",
    KafkaError.MSG_SIZE_TOO_LARGE: "the broker refuses a message of this size: raise "
    "max.message.bytes of the topic (a dead letter is the original and some headers)",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "this user may not perform the operation on the "
    "cluster: grant it on Cluster",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "this user may not use the topic: grant READ where it "
    "is read, WRITE where it is written (SECURITY.md has the commands)",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "this user may not use the consumer group: grant READ "
    "on the group",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "this user may not use the transactional "
    "id: grant WRITE on it, or on the prefix that all of a group share",
    KafkaError.FENCED_INSTANCE_ID: "another consumer has joined with this group.instance.id, or "
    "this one has twice, while the coordinator of its group did not respond: give each consumer "
    "its own, and start this one again",
    KafkaError.UNSUPPORTED_VERSION: "the broker is too old: Kafka 2.5 is the oldest that "
    "works, 4.0 for group_protocol = consumer",
    KafkaError._INVALID_ARG: "a client property is invalid: check --kafka, or [kafka] in the "
    "settings file",
    KafkaError._UNSUPPORTED_FEATURE: "the broker does not support the request",
}
"""What to do about each fatal error."""

MEANINGS: Final[dict[int, str]] = {
    KafkaError._TIMED_OUT: "a broker does not respond in time",
    KafkaError._TIMED_OUT_QUEUE: "a broker does not respond in time",
    KafkaError._UNKNOWN_PARTITION: "a partition has no leader: a broker is down, or the partition "
    "does not exist",
    KafkaError.LEADER_NOT_AVAILABLE: "a partition has no leader: a broker is down, or the leader "
    "is being elected",
    KafkaError.NOT_LEADER_FOR_PARTITION: "a partition has got another leader",
}
"""What transient errors mean whose text is about the client, or misleads."""

NO_TOKEN: Final = "Failed to acquire SASL OAUTHBEARER token"
"""Begin of librdkafka's text if the identity provider fails; the error code is the broker's."""

TOKEN_PROPERTIES: Final = (
    "sasl.oauthbearer.token.endpoint.url, sasl.oauthbearer.client.id and "
    "sasl.oauthbearer.client.secret"
)
"""The properties on which a token depends."""

TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w.-]*")
"""A JSON Web Token, which the response of a token endpoint may contain."""


def lacks_token(error: KafkaError) -> bool:
    """Whether the identity provider issued no token, which is transient: it may be restarting."""
    return error.code() == KafkaError._AUTHENTICATION and error.str().startswith(NO_TOKEN)


def is_fatal(error: KafkaError) -> bool:
    """Whether neither a retry nor a new client can succeed."""
    return error.code() in ADVICE and not lacks_token(error)


def explain(error: KafkaError) -> str:
    """One line: what to do about an error or what it means, and what Kafka reported."""
    if error.code() == KafkaError._ALL_BROKERS_DOWN:
        # librdkafka's own text, "1/1 brokers are down", reads as if a broker had reported it.
        return "no Kafka broker responds"
    code = error.code()
    if code == KafkaError._FATAL and "Static consumer fenced" in error.str():
        # librdkafka reports the cause of a failed client only in the text.
        code = KafkaError.FENCED_INSTANCE_ID
    advice = ADVICE.get(code, MEANINGS.get(code))
    if lacks_token(error):
        advice = f"no token: check {TOKEN_PROPERTIES}"
    reported = TOKEN.sub("********", f"{error.str()} ({error.name()})")
    return f"{advice} — Kafka reported: {reported}" if advice else reported


def classify(error: KafkaError) -> FatalKafkaError | TransientKafkaError:
    """Return what to raise for an error of a producer, a commit or a query.

    A fenced producer is transient: most often the coordinator has timed its transaction out while
    the broker or this process was frozen, and a new producer goes on. Two consumers that fence each
    other are detected by counting.
    """
    if is_fatal(error) or error.code() in REFUSED:
        return FatalKafkaError(explain(error))
    if error.fatal() or error.code() in FENCED:
        return FencedError(explain(error))
    return (RetriableKafkaError if error.retriable() else TransientKafkaError)(explain(error))


class ClusterErrors:
    """Keeps the errors that librdkafka reports of the cluster as a whole; pass it as `error_cb`.

    librdkafka reports a refused login or a failed TLS handshake only to this callback; a request
    that needs the connection merely times out. The error that all brokers are down does not replace
    a more specific one.
    """

    def __init__(self, in_group: bool = True) -> None:
        """Start without errors.

        Args:
            in_group: Whether the client needs its group. A client that reads without joining has to
                name a group all the same, looks up its coordinator, and may be refused; that
                refusal is ignored.
        """
        self._in_group = in_group
        self.fatal: KafkaError | None = None
        self.latest: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Keep an error; librdkafka calls this while the client is polled."""
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED and not self._in_group:
            return
        if self.latest is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.latest = error
        if self.fatal is None and is_fatal(error):
            self.fatal = error

    def raise_fatal(self) -> None:
        """Raise the first fatal error, if there was one.

        Raises:
            FatalKafkaError: Its message is one line that states what to do.
        """
        if self.fatal is not None:
            raise FatalKafkaError(explain(self.fatal))
