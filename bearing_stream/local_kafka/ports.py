"""Free ports that stay free while a broker is down."""

import socket
from collections.abc import Iterable
from random import SystemRandom
from typing import Final

from bearing_stream.local_kafka.errors import LocalKafkaError

HOST: Final = "127.0.0.1"
RANGE: Final = range(20_000, 30_000)
"""Below the ports that Linux (from 32768) and macOS (from 49152) assign to outgoing connections, so
that none of those takes a broker's port while the broker is stopped; not even an attempt to connect
to that port, which on one machine can connect to itself."""

_RANDOM: Final = SystemRandom()


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of the local host."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        if probe.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as probe:
        # As Kafka does: connections in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def check_free(ports: Iterable[int]) -> None:
    """Check that all of these ports are free.

    Raises:
        LocalKafkaError: one is taken.
    """
    for port in ports:
        if not is_free(port):
            raise LocalKafkaError(
                f"Port {port} is taken. Stop what listens there, or choose another."
            )


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free now, chosen at random."""
    free: list[int] = []
    for port in _RANDOM.sample(RANGE, len(RANGE)):
        if len(free) == count:
            break
        if is_free(port):
            free.append(port)
    return free
