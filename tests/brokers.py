"""The broker of the integration tests: yours, one in Docker, or a local one. All are real."""

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from docker.errors import DockerException
from requests import RequestException
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from bearing_stream.local_kafka import LocalKafka, Security, configuration
from bearing_stream.local_kafka.jars import kafka_version, read_lock
from bearing_stream.local_kafka.ports import free_ports

VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"
VERSION = kafka_version(read_lock())
IMAGE = f"apache/kafka:{VERSION}"
DOCKER_TIMEOUT = 3
"""Seconds for an engine to respond; a running one takes milliseconds."""
EXTERNAL_TIMEOUT = 15.0

Kind = Literal["external", "docker", "local"]


@dataclass(frozen=True, slots=True)
class Broker:
    """A Kafka that responds."""

    bootstrap_servers: str
    kind: Kind
    description: str


def choose() -> tuple[Kind, str]:
    """Which broker the tests will use, and its description; starts nothing."""
    if servers := os.environ.get(VARIABLE):
        return "external", f"{servers}, from {VARIABLE}"
    if docker_responds():
        return "docker", f"{IMAGE} in Docker"
    return "local", f"Apache Kafka {VERSION}, local processes"


@contextmanager
def find_broker() -> Iterator[Broker]:
    """Yield the first available broker: external, in Docker, or local."""
    kind, description = choose()
    if kind == "external":
        servers = os.environ[VARIABLE]
        check_external(servers)
        yield Broker(servers, kind, description)
    elif kind == "docker":
        with docker_broker() as servers:
            yield Broker(servers, kind, description)
    else:
        with LocalKafka() as kafka:
            yield Broker(kafka.bootstrap_servers, kind, description)


def docker_responds() -> bool:
    """Whether a Docker engine responds; the `docker` command alone does not suffice."""
    with warnings.catch_warnings():
        # The SDK leaves its socket open if there is no response.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            client = DockerClient(timeout=DOCKER_TIMEOUT).client
            client.ping()
            client.close()
        except (DockerException, RequestException):
            return False
        finally:
            gc.collect()
    return True


def check_external(servers: str) -> None:
    """Fail at once, and not test by test, if the named broker does not respond."""
    try:
        AdminClient({"bootstrap.servers": servers}).list_topics(timeout=EXTERNAL_TIMEOUT)
    except KafkaException as error:
        raise RuntimeError(
            f"{VARIABLE} is {servers}, where no Kafka responds ({error.args[0].str()}). "
            "Start it, or unset the variable to have one started."
        ) from error


def docker_environment(host: str, port: int) -> dict[str, str]:
    """The environment of the official image for one small broker that clients reach there.

    The image converts `KAFKA_NODE_ID` to the property `node.id`, and so on.
    """
    broker = configuration.Broker(1, port, 19093, 19094, Path("/unused"))
    properties = configuration.broker_properties(broker, [broker], Security()) | {
        "log.dirs": "/var/lib/kafka/data",
        "listeners": f"CLIENT://:{port},BROKER://:19093,CONTROLLER://:19094",
        "advertised.listeners": f"CLIENT://{host}:{port},BROKER://localhost:19093",
        "controller.quorum.voters": "1@localhost:19094",
    }
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in properties.items()}


@contextmanager
def docker_broker() -> Iterator[str]:
    """Run the official image; yields its bootstrap servers."""
    # testcontainers' own KafkaContainer is for Confluent's images. The port is chosen before the
    # start, because the broker must know at its start where clients will find it.
    (port,) = free_ports(1)
    container = DockerContainer(IMAGE).with_bind_ports(port, port)
    host = container.get_docker_client().host()
    container.with_envs(**docker_environment(host, port))
    container.waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    with container:
        servers = f"{host}:{port}"
        AdminClient({"bootstrap.servers": servers}).list_topics(timeout=EXTERNAL_TIMEOUT)
        yield servers
