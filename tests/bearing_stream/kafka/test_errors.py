"""Which errors are fatal, and that each is explained in one line with what to do."""

import pytest
from confluent_kafka import KafkaError

from bearing_stream.kafka import ClusterErrors, FatalKafkaError, explain, is_fatal

FATAL = [
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.UNSUPPORTED_VERSION,
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError._INVALID_ARG,
    KafkaError._UNSUPPORTED_FEATURE,
]
TRANSIENT = [
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError._QUEUE_FULL,
    KafkaError._RESOLVE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.CONCURRENT_TRANSACTIONS,
    # The process can begin again with a new producer; TLS may fail while a broker restarts.
    KafkaError._FENCED,
    KafkaError.PRODUCER_FENCED,
    KafkaError._SSL,
]


@pytest.mark.parametrize("code", FATAL)
def test_what_a_retry_cannot_mend_is_fatal_and_explained(code: int) -> None:
    error = KafkaError(code, "as given")
    assert is_fatal(error)
    assert "Kafka reported: as given" in explain(error)
    assert "\n" not in explain(error)


@pytest.mark.parametrize("code", TRANSIENT)
def test_a_transient_error_is_not_fatal(code: int) -> None:
    error = KafkaError(code, "as given")
    assert not is_fatal(error)
    if code == KafkaError._ALL_BROKERS_DOWN:
        assert explain(error) == "no Kafka broker responds"
    else:
        assert f"as given ({error.name()})" in explain(error)


def test_the_first_fatal_error_is_raised_and_the_latest_cause_kept() -> None:
    errors = ClusterErrors()
    errors(KafkaError(KafkaError._ALL_BROKERS_DOWN, "all down"))
    assert errors.latest is not None
    assert errors.latest.str() == "all down"
    errors.raise_fatal()
    errors(KafkaError(KafkaError._TRANSPORT, "refused"))
    errors.raise_fatal()
    errors(KafkaError(KafkaError._AUTHENTICATION, "wrong password"))
    errors(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "second"))
    errors(KafkaError(KafkaError._ALL_BROKERS_DOWN, "all down"))
    assert errors.latest.str() == "second"
    with pytest.raises(FatalKafkaError, match=r"sasl\.password.*wrong password"):
        errors.raise_fatal()


def test_a_fenced_static_member_is_explained() -> None:
    text = "Static consumer fenced by other consumer with same group.instance.id"

    assert "give each consumer its own" in explain(KafkaError(KafkaError._FATAL, text))
    assert "give each consumer its own" not in explain(KafkaError(KafkaError._FATAL, "other"))
