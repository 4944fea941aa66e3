"""Addresses with a scheme are accepted as Kafka writes its listeners, or the scheme is named."""

import pytest
from pydantic import ValidationError

from bearing_stream.kafka import ConnectionSettings, wait_for_topics


@pytest.mark.parametrize("scheme", ["http", "https", "kafka", "tcp", "SASL_TLS"])
def test_a_scheme_that_is_none_of_kafka_is_named(scheme: str) -> None:
    with pytest.raises(ValidationError, match=f"'{scheme}://' is no protocol of Kafka"):
        ConnectionSettings(bootstrap_servers=f"broker:9092,{scheme}://broker:9093")


def test_a_protocol_that_differs_from_the_setting_is_named() -> None:
    with pytest.raises(ValidationError, match=r"names SASL_SSL:// .* security\.protocol is PLAINT"):
        ConnectionSettings(bootstrap_servers="SASL_SSL://broker:9093")
    with pytest.raises(ValidationError, match=r"security\.protocol is SSL: set it to PLAINTEXT"):
        ConnectionSettings(
            bootstrap_servers="plaintext://broker:9093", kafka={"security.protocol": "ssl"}
        )


@pytest.mark.parametrize("servers", ["PLAINTEXT://a:9092,b:9092", "a:9092", "[::1]:9092"])
def test_addresses_are_accepted(servers: str) -> None:
    assert ConnectionSettings(bootstrap_servers=servers).bootstrap_servers == servers


@pytest.mark.integration
def test_the_client_accepts_a_protocol_before_an_address(broker: object) -> None:
    servers = f"PLAINTEXT://{broker.bootstrap_servers}"  # type: ignore[attr-defined]
    settings = ConnectionSettings(bootstrap_servers=servers)
    wait_for_topics(settings.client_properties(), (), 10, pytest.fail)
