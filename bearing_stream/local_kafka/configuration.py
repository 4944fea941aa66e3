"""What each broker of a local Kafka is told: properties, and the flags of its Java."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bearing_stream.local_kafka.ports import HOST

CLUSTER_ID: Final = "bG9jYWwta2Fma2EtMDAwMQ"
"""The same for all, so that a folder of data belongs to whichever run opens it next."""

FORMAT_FLAGS: Final = (
    # Quick to start rather than quick after a minute: formatting takes 0.65 s instead of 1.0, a
    # broker is ready in 1.65 s instead of 2.2, and on two cores takes half the time of a core.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    # No shared file in /tmp that a killed process would leave behind.
    "-XX:-UsePerfData",
    # Java 24 and later warn of what Kafka and its compression libraries do.
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)

LOG_FLAGS: Final = tuple(
    f"-Dorg.slf4j.simpleLogger.{setting}"
    for setting in (
        "showDateTime=true",
        "dateTimeFormat=HH:mm:ss.SSS",
        "showThreadName=false",
        # 2,000 lines that repeat every property at every start.
        "log.kafka.server.KafkaConfig=warn",
        "log.org.apache.kafka.common.config=warn",
    )
)

_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Security:
    """How clients reach the brokers; brokers among themselves speak plainly on the local host.

    The room for TLS and SCRAM: all that they need fits in here.
    """

    protocol: str = "PLAINTEXT"
    """Kafka's name of it: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`."""
    broker_properties: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """What a broker needs besides, such as key stores and mechanisms."""
    client_properties: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    """What a client needs besides, in the names of librdkafka."""
    format_arguments: tuple[str, ...] = ()
    """For Kafka's StorageTool: `("--add-scram", "SCRAM-SHA-256=[name=…,password=…]")`."""


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker, which is a controller as well: its number, ports and folder."""

    number: int
    """From 1 up; Kafka's node id."""
    client_port: int
    broker_port: int
    """For the other brokers."""
    controller_port: int
    folder: Path

    @property
    def name(self) -> str:
        """As its folder and its process are called."""
        return self.folder.name

    @property
    def address(self) -> str:
        """Where clients reach it, `host:port`."""
        return f"{HOST}:{self.client_port}"

    @property
    def data(self) -> Path:
        """The folder of its partitions."""
        return self.folder / "data"

    @property
    def is_formatted(self) -> bool:
        """Whether Kafka has prepared the folder of data."""
        return (self.data / "meta.properties").exists()

    @property
    def log(self) -> Path:
        """What Kafka and Java have to say."""
        return self.folder / "broker.log"

    @property
    def scratch(self) -> Path:
        """Where compression libraries unpack themselves; emptied at each start."""
        return self.folder / "scratch"

    @property
    def properties(self) -> Path:
        """The file with its properties."""
        return self.folder / "broker.properties"


def java_flags(broker: Broker, heap: str) -> list[str]:
    """The flags of a broker's Java; `heap` is its largest heap, as in `1g`."""
    return [
        f"-Xmx{heap}",
        # A full heap ends the process, which everybody sees, and not a thread, which nobody does.
        "-XX:+ExitOnOutOfMemoryError",
        f"-Djava.io.tmpdir={broker.scratch}",
        *FORMAT_FLAGS,
        *LOG_FLAGS,
    ]


def broker_properties(
    broker: Broker, brokers: Sequence[Broker], security: Security
) -> dict[str, str]:
    """The properties of one broker out of `brokers`."""
    return {
        "process.roles": "broker,controller",
        "node.id": str(broker.number),
        "log.dirs": str(broker.data),
        "listeners": f"CLIENT://{broker.address},BROKER://{HOST}:{broker.broker_port},"
        f"CONTROLLER://{HOST}:{broker.controller_port}",
        "listener.security.protocol.map": f"CLIENT:{security.protocol},BROKER:PLAINTEXT,"
        "CONTROLLER:PLAINTEXT",
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
    """How often everything is stored: three times at most, and once is enough with one broker."""
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
        # The first member of a group waits for no others: 3 s otherwise.
        "group.initial.rebalance.delay.ms": "0",
        # After so long without a sign a broker is taken for dead, and only then may one that was
        # killed come back: 12 s with Kafka's 9,000 and 2,000, 5 s with these.
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
    """Write properties as Java reads them."""
    lines = (
        f"{name}={value}".replace("\\", "\\\\").replace("\n", "\\n")
        for name, value in properties.items()
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
