"""Which exception an error of Kafka becomes; how each class is handled is tested elsewhere."""

import pytest
from confluent_kafka import KafkaError

from bearing_stream.kafka import (
    FatalKafkaError,
    FencedError,
    RetriableKafkaError,
    TransientKafkaError,
    classify,
)

TRANSIENT = (
    *(KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT),
    *(KafkaError._MSG_TIMED_OUT, KafkaError.NETWORK_EXCEPTION),
    *(KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR),
    *(KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION),
    *(KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND),
    *(KafkaError.KAFKA_STORAGE_ERROR, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION),
    *(KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_TOPIC_ID),
    *(KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS, KafkaError._STATE),
)

FENCED = (
    *(KafkaError._FENCED, KafkaError._FATAL),
    *(KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH),
)

FATAL = {
    KafkaError.MSG_SIZE_TOO_LARGE: r"max\.message\.bytes",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "grant",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "grant",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "grant",
    KafkaError.INVALID_TIMESTAMP: "INVALID_TIMESTAMP",
    KafkaError.INVALID_RECORD: "INVALID_RECORD",
    KafkaError.POLICY_VIOLATION: "POLICY_VIOLATION",
    KafkaError.TOPIC_EXCEPTION: "TOPIC_EXCEPTION",
    KafkaError.INVALID_REQUIRED_ACKS: "INVALID_REQUIRED_ACKS",
    KafkaError.INVALID_TRANSACTION_TIMEOUT: "INVALID_TRANSACTION_TIMEOUT",
}


@pytest.mark.parametrize("code", TRANSIENT)
def test_a_transient_error(code: int) -> None:
    assert type(classify(KafkaError(code))) is TransientKafkaError


@pytest.mark.parametrize("code", TRANSIENT)
def test_a_retriable_error(code: int) -> None:
    assert type(classify(KafkaError(code, retriable=True))) is RetriableKafkaError


@pytest.mark.parametrize("code", FENCED)
def test_a_fenced_producer(code: int) -> None:
    assert type(classify(KafkaError(code))) is FencedError


def test_a_producer_in_the_fatal_state_counts_as_fenced() -> None:
    error = KafkaError(KafkaError.UNKNOWN_PRODUCER_ID, "out of order", fatal=True)
    assert type(classify(error)) is FencedError


@pytest.mark.parametrize(("code", "advice"), FATAL.items())
@pytest.mark.parametrize("flag", ["fatal", "retriable", "txn_requires_abort"])
def test_a_fatal_error_names_its_cause_with_any_flag_of_the_client(
    code: int, advice: str, flag: str
) -> None:
    with pytest.raises(FatalKafkaError, match=advice):
        raise classify(KafkaError(code, "refused", **{flag: True}))
