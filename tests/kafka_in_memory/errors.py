"""The errors that the Kafka client raises, made here."""

from confluent_kafka import KafkaError, KafkaException


def kafka_error(code: int, **flags: bool) -> KafkaException:
    """What the client raises; the flags are `fatal`, `retriable` and `txn_requires_abort`."""
    return KafkaException(KafkaError(code, "raised by the in-memory Kafka", **flags))


def abortable(code: int = KafkaError.ILLEGAL_GENERATION) -> KafkaException:
    """An error after which the transaction can only be aborted."""
    return kafka_error(code, txn_requires_abort=True)


def timed_out() -> KafkaException:
    """A call that did not get through in time."""
    return kafka_error(KafkaError._TIMED_OUT, retriable=True)


def fenced() -> KafkaException:
    """A call of a producer whose transactional id belongs to a newer one."""
    return kafka_error(KafkaError._FENCED, fatal=True)
