"""When a broker may be called ready: when it answers what clients are going to ask."""

import socket
from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from bearing_stream.local_kafka.ports import HOST

_REQUEST_TIMEOUT = 2.0
"""Seconds."""
_PROBE_GROUP = "local-kafka-readiness"


def listens(port: int) -> bool:
    """Whether something accepts connections on this port of the local host."""
    with socket.socket() as probe:
        probe.settimeout(_REQUEST_TIMEOUT)
        return probe.connect_ex((HOST, port)) == 0


def answers(client_properties: Mapping[str, str], brokers: set[int]) -> bool:
    """Whether these brokers have joined the cluster, and groups find their coordinator.

    The second makes Kafka create the topic it keeps offsets in, for which the first consumer of a
    new cluster otherwise waits up to 3 s.

    Args:
        client_properties: How to reach the broker to ask, in the names of librdkafka.
        brokers: The numbers of the brokers that must be there.
    """
    # Silent: a refused connection is what we expect here, not news.
    admin = AdminClient({**client_properties, "log_level": "0"})
    try:
        present = admin.list_topics(timeout=_REQUEST_TIMEOUT).brokers
        if not brokers <= present.keys():
            return False
        admin.describe_consumer_groups([_PROBE_GROUP], request_timeout=_REQUEST_TIMEOUT)[
            _PROBE_GROUP
        ].result()
    except KafkaException as error:
        # A coordinator that knows of no such group is one.
        return bool(error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND)
    return True
