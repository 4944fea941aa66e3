"""A broker is ready when it responds to the requests of clients."""

import socket
from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from bearing_stream.local_kafka.ports import HOST

_REQUEST_TIMEOUT = 2.0
"""Seconds."""
_PROBE_GROUP = "local-kafka-readiness"


def is_listening(port: int) -> bool:
    """Whether a process accepts connections on this port of the local host."""
    with socket.socket() as probe:
        probe.settimeout(_REQUEST_TIMEOUT)
        return probe.connect_ex((HOST, port)) == 0


def is_ready(client_properties: Mapping[str, str], brokers: set[int]) -> bool:
    """Whether these brokers have joined the cluster, and groups find their coordinator.

    The lookup of a coordinator makes Kafka create its topic of offsets, for which the first
    consumer of a new cluster otherwise waits up to 3 s.

    Args:
        client_properties: Connection to the broker to check, named as in librdkafka.
        brokers: The numbers of the brokers that must have joined.
    """
    # No logs: a refused connection is expected here.
    admin = AdminClient({**client_properties, "log_level": "0"})
    try:
        present = admin.list_topics(timeout=_REQUEST_TIMEOUT).brokers
        if not brokers <= present.keys():
            return False
        admin.describe_consumer_groups([_PROBE_GROUP], request_timeout=_REQUEST_TIMEOUT)[
            _PROBE_GROUP
        ].result()
    except KafkaException as error:
        # A coordinator responds that the group does not exist.
        return bool(error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND)
    return True
