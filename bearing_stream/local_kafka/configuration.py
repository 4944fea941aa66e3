"""The configuration of a broker: its properties, and the flags of its Java."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from bearing_stream.local_kafka.ports import HOST

CLUSTER_ID: Final = "bG9jYWwta2Fma2EtMDAwMQ"
"""Constant, so that a later run can open the data folder of an earlier one."""

SHORT_FLAGS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For a process of seconds. Java's second compiler makes Kafka faster within a minute, and takes a
core until then: tests that start a broker each took a quarter more processor time with it."""

LONG_FLAGS: Final = (
    # As Kafka's own scripts start a broker. Pauses for garbage are shorter: live, 1.5 % of all
    # windows waited for one of 20 ms.
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
)
"""For a broker that runs for minutes or longer."""

COMMON_FLAGS: Final = (
    # No shared file in /tmp, which would remain if the process is killed.
    "-XX:-UsePerfData",
    # Java 24 and later print warnings about Kafka and its compression libraries.
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)

LOG_FLAGS: Final = tuple(
    f"-Dorg.slf4j.simpleLogger.{setting}"
    for setting in (
        "showDateTime=true",
        "dateTimeFormat=HH:mm:ss.SSS",
        "showThreadName=false",
        # Otherwise 2,000 lines list every property at every start.
        "log.kafka.server.KafkaConfig=warn",
        "log.org.apache.kafka.common.config=warn",
    )
)

_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Security:
    """The security of the clients' listener; the brokers connect to one another in plain text.

    The fields suffice for TLS and SCRAM.
    """

    protocol: str = "PLAINTEXT"
    """The security protocol: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`."""
    broker_properties: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """Further properties of the brokers, such as key stores and mechanisms."""
    client_properties: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """Further properties of clients, named as in librdkafka."""
    format_arguments: tuple[str, ...] = ()
    """Arguments for Kafka's StorageTool: `("--add-scram", "SCRAM-SHA-256=[name=…,password=…]")`."""

    def connection(self, addresses: str) -> dict[str, str]:
        """The properties of a client that connects to these addresses, named as in librdkafka."""
        return {
            "bootstrap.servers": addresses,
            "security.protocol": self.protocol,
            **self.client_properties,
        }


class RelayPorts(NamedTuple):
    """The ports of a listener that clients reach through a relay."""

    advertised: int
    """The port that the broker names to clients; a relay must listen there."""
    listener: int
    """The port of the broker, to which the relay must connect."""


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker, which is also a controller: its number, ports and folder."""

    number: int
    """From 1 up; Kafka's node id."""
    client_port: int
    broker_port: int
    """For the other brokers."""
    controller_port: int
    folder: Path
    relay: "RelayPorts | None" = None
    """Of a second listener for clients; None: it has none."""

    @property
    def name(self) -> str:
        """The name of its folder and its process."""
        return self.folder.name

    @property
    def address(self) -> str:
        """Its address for clients, `host:port`."""
        return f"{HOST}:{self.client_port}"

    @property
    def data(self) -> Path:
        """The folder of its partitions."""
        return self.folder / "data"

    @property
    def is_formatted(self) -> bool:
        """Whether Kafka has formatted the data folder."""
        return (self.data / "meta.properties").exists()

    @property
    def log(self) -> Path:
        """The output of Kafka and Java."""
        return self.folder / "broker.log"

    @property
    def scratch(self) -> Path:
        """Temporary folder, into which compression libraries unpack; emptied at each start."""
        return self.folder / "scratch"

    @property
    def properties(self) -> Path:
        """The file with its properties."""
        return self.folder / "broker.properties"


def java_flags(broker: Broker, heap: str, *, is_lasting: bool) -> list[str]:
    """The flags of a broker's Java; `heap` is its largest heap, as in `1g`."""
    return [
        *(LONG_FLAGS if is_lasting else SHORT_FLAGS),
        f"-Xmx{heap}",
        # A full heap ends the process, which is visible, and not just one thread, which is not.
        "-XX:+ExitOnOutOfMemoryError",
        f"-Djava.io.tmpdir={broker.scratch}",
        *COMMON_FLAGS,
        *LOG_FLAGS,
    ]


def broker_properties(
    broker: Broker, brokers: Sequence[Broker], security: Security
) -> dict[str, str]:
    """The properties of one broker out of `brokers`."""
    listeners = f"CLIENT://{broker.address},BROKER://{HOST}:{broker.broker_port}"
    controller = f"CONTROLLER://{HOST}:{broker.controller_port}"
    listener = advertised = listeners
    if broker.relay is not None:
        listener += f",RELAY://{HOST}:{broker.relay.listener}"
        advertised += f",RELAY://{HOST}:{broker.relay.advertised}"
    return {
        "process.roles": "broker,controller",
        "node.id": str(broker.number),
        "log.dirs": str(broker.data),
        "listeners": f"{listener},{controller}",
        "advertised.listeners": advertised,
        "listener.security.protocol.map": f"CLIENT:{security.protocol},BROKER:PLAINTEXT,"
        f"CONTROLLER:PLAINTEXT,RELAY:{security.protocol}",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": ",".join(
            f"{voter.number}@{HOST}:{voter.controller_port}" for voter in brokers
        ),
        **replication_properties(len(brokers)),
        **QUICK,
        **security.broker_properties,
    }


def replication_properties(brokers: int) -> dict[str, str]:
    """The number of replicas: three, or less with fewer brokers."""
    factor = min(brokers, 3)
    in_sync = max(factor - 1, 1)
    return {
        "default.replication.factor": str(factor),
        "min.insync.replicas": str(in_sync),
        "offsets.topic.replication.factor": str(factor),
        "transaction.state.log.replication.factor": str(factor),
        "transaction.state.log.min.isr": str(in_sync),
        "share.coordinator.state.topic.replication.factor": str(factor),
        "share.coordinator.state.topic.min.isr": str(in_sync),
    }


QUICK: Final[Mapping[str, str]] = MappingProxyType(
    {
        # The first member of a group does not wait for others: 3 s otherwise.
        "group.initial.rebalance.delay.ms": "0",
        # Without a heartbeat for this long a broker is considered dead, and a killed one can start
        # again only then: after 12 s with Kafka's 9,000 and 2,000, after 5 s with these.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # Kafka's own topics have 50 partitions each, for clusters with thousands of groups.
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.num.partitions": "4",
        # 128 MB of heap otherwise, whether or not a topic is compacted.
        "log.cleaner.dedupe.buffer.size": "8388608",
    }
)


def write_properties(path: Path, properties: Mapping[str, str]) -> None:
    """Write properties in Java's file format."""
    lines = (
        f"{name}={value}".replace("\\", "\\\\").replace("\n", "\\n")
        for name, value in properties.items()
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
