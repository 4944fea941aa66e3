"""What a user reads when the cluster is unreachable or a topic is missing."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bearing_stream.kafka import FatalKafkaError, create_topics, startup, wait_for_topics
from bearing_stream.kafka.connection import Properties


@pytest.fixture(autouse=True)
def _short_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "CHECK_TIMEOUT", 0.3)


@pytest.fixture
def closed_address() -> Iterator[str]:
    """An address on which no process listens, and none can: the port stays bound."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def plain_address() -> Iterator[str]:
    """An address of a server that does not speak TLS."""
    with ThreadPoolExecutor(1) as pool, socket.create_server(("127.0.0.1", 0)) as listener:
        pool.submit(respond_in_plain_text, listener)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def respond_in_plain_text(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_no_broker_is_one_line_after_the_timeout(closed_address: str) -> None:
    reported: list[str] = []
    with pytest.raises(FatalKafkaError) as caught:
        wait_for_topics({"bootstrap.servers": closed_address}, ["a"], 1.0, reported.append)
    line = str(caught.value)
    assert f"no Kafka broker responds at {closed_address}" in line
    assert "Connection refused" in line
    assert "waited 1 s" in line
    assert "\n" not in line
    assert reported == [
        f"no Kafka broker responds at {closed_address}; waiting up to 1 s "
        "(is it running, and is the address right?)"
    ]


def test_waiting_is_reported_before_the_first_long_check_ends(
    closed_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "CHECK_TIMEOUT", 30.0)
    began = time.monotonic()

    def waiting(line: str) -> None:
        raise InterruptedError(line)

    with pytest.raises(InterruptedError, match="waiting up to 60 s"):
        wait_for_topics({"bootstrap.servers": closed_address}, ["a"], 60.0, waiting)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"security.protocol": "telepathy"}, "telepathy"),
        ({"security.protocol": "ssl", "ssl.ca.location": "/none/ca.pem"}, "ssl.ca.location"),
        ({"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN"}, "sasl.username"),
    ],
)
def test_a_wrong_client_property_is_one_line_at_once(
    wrong: Properties, word: str, closed_address: str
) -> None:
    properties = {"bootstrap.servers": closed_address} | wrong
    expected = f"client property is invalid.*{word}"
    with pytest.raises(FatalKafkaError, match=expected):
        wait_for_topics(properties, ["a"], 60, print)
    with pytest.raises(FatalKafkaError, match=expected):
        create_topics(properties, {"a": 1})


def test_a_failed_tls_handshake_is_one_line_before_the_timeout(plain_address: str) -> None:
    properties = {"bootstrap.servers": plain_address, "security.protocol": "ssl"}
    with pytest.raises(FatalKafkaError, match=r"TLS failed: .* does not speak TLS"):
        wait_for_topics(properties, ["a"], 30, print)


def test_properties_of_consumers_and_producers_are_ignored(closed_address: str) -> None:
    """The same settings serve all clients, and an AdminClient refuses `linger.ms`."""
    properties = {"bootstrap.servers": closed_address, "linger.ms": "5", "group.id": "g"}
    with pytest.raises(FatalKafkaError, match="no Kafka broker"):
        wait_for_topics(properties, ["a"], 0, lambda _: None)
