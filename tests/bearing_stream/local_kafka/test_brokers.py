"""Integration tests use the first available broker, and print which."""

import socket

import pytest

from tests import brokers

ENGINE = "tcp://127.0.0.1:{port}"


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(brokers.VARIABLE, raising=False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DOCKER_HOST", ENGINE.format(port=closed.getsockname()[1]))


@pytest.mark.usefixtures("no_engine")
def test_a_broker_that_is_named_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(brokers.VARIABLE, "kafka.example:9092")
    assert brokers.choose()[0] == "external"
    assert "kafka.example:9092" in brokers.choose()[1]


@pytest.mark.usefixtures("no_engine")
def test_without_a_docker_engine_it_is_the_local_one() -> None:
    assert brokers.choose() == ("local", "Apache Kafka 4.4.0, local processes")


@pytest.mark.usefixtures("no_engine")
def test_a_named_broker_that_does_not_respond_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "EXTERNAL_TIMEOUT", 0.3)
    monkeypatch.setenv(brokers.VARIABLE, "127.0.0.1:1")
    with pytest.raises(RuntimeError, match="no Kafka responds"), brokers.find_broker():
        pass


def test_the_image_advertises_the_address_of_clients() -> None:
    environment = brokers.docker_environment("engine.example", 21_000)
    assert environment["KAFKA_ADVERTISED_LISTENERS"].startswith("CLIENT://engine.example:21000,")
    assert environment["KAFKA_LISTENERS"].startswith("CLIENT://:21000,")
    assert environment["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert environment["KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR"] == "1"
    assert all(name.startswith("KAFKA_") and "." not in name for name in environment)
