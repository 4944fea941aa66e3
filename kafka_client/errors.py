"""Which Kafka errors pass, which are fatal, and what to tell the user to do.

librdkafka retries what passes by itself: an unreachable broker, a moved leader, a full queue. What
reaches us is sorted here, in one place, into passing (wait, say so, go on) and fatal (say one line,
exit). A process that cannot work must not look alive.
"""

from typing import Final

from confluent_kafka import KafkaError


class FatalKafkaError(RuntimeError):
    """Kafka refuses something that waiting will not change; the message says what to do."""


ADVICE: Final[dict[int, str]] = {
    KafkaError._AUTHENTICATION: "the broker refuses these credentials: check sasl.username, "
    "sasl.password and sasl.mechanism",
    KafkaError.SASL_AUTHENTICATION_FAILED: "the broker refuses these credentials: check "
    "sasl.username, sasl.password and sasl.mechanism",
    KafkaError.MSG_SIZE_TOO_LARGE: "the broker refuses a message of this size: raise "
    "max.message.bytes of the topic (a dead letter is the original and some headers)",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "this user may not use the cluster so: grant the "
    "operation on Cluster",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "this user may not use the topic: grant READ on the "
    "windows topic, WRITE on the diagnoses and dead-letter topics, DESCRIBE on all",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "this user may not use the consumer group: grant READ "
    "on the group",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "this user may not use the transactional "
    "id: grant WRITE and DESCRIBE on it",
    KafkaError.FENCED_INSTANCE_ID: "another consumer has taken over this group.instance.id: give "
    "each consumer its own",
    KafkaError.UNSUPPORTED_VERSION: "the broker is too old for this: Kafka 2.5 is the oldest that "
    "works, 4.0 for group_protocol = consumer",
    KafkaError._INVALID_ARG: "a client property is wrong",
    KafkaError._UNSUPPORTED_FEATURE: "the broker does not support what was asked for",
}
"""What to do about each error that does not pass."""


def is_fatal(error: KafkaError) -> bool:
    """Whether waiting will not help, and nothing that the process could do itself."""
    return error.code() in ADVICE


def explain(error: KafkaError) -> str:
    """One line: what Kafka said, and what to do about it."""
    if error.code() == KafkaError._ALL_BROKERS_DOWN:
        # Of "1/1 brokers are down" those who have one broker make nothing.
        return "no Kafka broker answers"
    code = error.code()
    if code == KafkaError._FATAL and "Static consumer fenced" in error.str():
        # librdkafka names the cause of a failed client in words only.
        code = KafkaError.FENCED_INSTANCE_ID
    advice = ADVICE.get(code)
    said = f"{error.str()} ({error.name()})"
    return f"{advice} — Kafka said: {said}" if advice else said
