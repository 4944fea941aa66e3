"""The TCP relay, between two sockets of the test."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from bearing_stream.local_kafka.ports import free_ports
from tools.chaos.relay import HOST, Relay


@pytest.fixture
def server() -> Iterator[int]:
    """The port of a server that sends back what it receives."""
    with socket.create_server((HOST, 0)) as listener:

        def echo(end: socket.socket) -> None:
            with end, suppress(ConnectionError):
                while data := end.recv(65_536):
                    end.sendall(data)

        def accept() -> None:
            while True:
                try:
                    end, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=echo, args=(end,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relay(server: int) -> Iterator[tuple[Relay, socket.socket]]:
    """A relay to that server, and a connection through it."""
    [port] = free_ports(1)
    with Relay(port, server) as made, socket.create_connection((HOST, port), timeout=10) as end:
        yield made, end


def _receive(end: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        received += end.recv(length)
    return received


def test_it_relays_in_both_directions(relay: tuple[Relay, socket.socket]) -> None:
    _, end = relay
    sent = bytes(range(256)) * 4096
    threading.Thread(target=end.sendall, args=(sent,)).start()
    assert _receive(end, len(sent)) == sent


def test_what_is_sent_in_a_silence_arrives_afterwards(relay: tuple[Relay, socket.socket]) -> None:
    made, end = relay
    made.silence()
    end.sendall(b"late")
    end.settimeout(0.3)
    with pytest.raises(TimeoutError):
        end.recv(4)
    end.settimeout(10)
    made.resume()
    assert _receive(end, 4) == b"late"


def test_a_reset_ends_the_connection_with_an_error(relay: tuple[Relay, socket.socket]) -> None:
    made, end = relay
    end.sendall(b"x")
    assert _receive(end, 1) == b"x"
    made.reset()
    with pytest.raises(ConnectionResetError):
        end.recv(1)


def test_the_rate_is_limited_in_both_directions_together(
    relay: tuple[Relay, socket.socket],
) -> None:
    made, end = relay
    made.limit(50_000)
    began = time.monotonic()
    end.sendall(bytes(10_000))
    _receive(end, 10_000)
    assert time.monotonic() - began >= 0.4


def test_the_relay_can_start_again_at_once_on_the_same_port(server: int) -> None:
    [port] = free_ports(1)
    for _ in range(3):
        with Relay(port, server), socket.create_connection((HOST, port), timeout=10) as end:
            end.sendall(b"x")
            assert _receive(end, 1) == b"x"


def test_a_server_that_is_down_resets_the_connection() -> None:
    port, nothing = free_ports(2)
    with Relay(port, nothing), socket.create_connection((HOST, port), timeout=10) as end:
        try:
            received = end.recv(1)
        except ConnectionResetError:
            received = b""
        assert received == b""
