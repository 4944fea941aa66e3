"""Ports are free when they are chosen, and no outgoing connection takes them later."""

import socket

from bearing_stream.local_kafka.ports import HOST, free_ports, is_free

OUTGOING_FROM = 32_768
"""The first port that Linux assigns to an outgoing connection; macOS's are higher."""


def test_free_ports_differ_and_can_be_listened_on() -> None:
    ports = free_ports(9)
    assert len(set(ports)) == 9
    assert max(ports) < OUTGOING_FROM
    for port in ports:
        socket.create_server((HOST, port)).close()


def test_a_port_that_is_listened_on_is_not_free() -> None:
    with socket.create_server((HOST, 0)) as listener:
        assert not is_free(listener.getsockname()[1])


def test_a_port_bound_on_all_addresses_is_not_free() -> None:
    with socket.create_server(("", 0)) as listener:
        assert not is_free(listener.getsockname()[1])
