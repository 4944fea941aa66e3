"""Connection to the cluster, as settings that every command with a Kafka client shares."""

from typing import Annotated, Any, Final, Self

from pydantic import Field, field_validator, model_validator

from bearing_stream.config import Settings
from bearing_stream.kafka.errors import TOKEN_PROPERTIES

PARTITIONER: Final = "murmur2_random"
"""The partitioner of every producer: that of Kafka's own clients. librdkafka's default hashes keys
with CRC32: what it sends is not co-partitioned with what Kafka Streams and other Java clients send,
and an original that is redriven lands in another partition than the sensor's windows."""

Properties = dict[str, Any]
"""Client properties, named as in librdkafka."""

SILENT: Final = 10.0
"""Seconds without a response after which a client closes a connection. librdkafka 2.16 sends a
request for metadata to the broker that it asked last, as long as that is connected: by default it
asks one that is frozen for a minute, and learns of no other leader meanwhile."""

ONE_REQUEST_AT_A_TIME: Final[Properties] = {"max.in.flight.requests.per.connection": 1}
"""For a producer that relies on delivery reports. With several requests in flight, librdkafka 2.16
reports a record as delivered that Kafka does not have: the first request of a new producer to a
partition fails, since the leader has moved, and the second one succeeds (confluent-kafka-go #921).
`consumer.delivery` recognizes such reports instead, and so keeps several requests in flight."""

Value = Annotated[str, Field(coerce_numbers_to_str=True)]
"""Value of a client property; a number in the settings file needs no quotes."""


PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
"""The protocols of Kafka's listeners."""


def _schemes(servers: str) -> list[str]:
    """What precedes `://` in a list of addresses."""
    return [each.partition("://")[0].strip() for each in servers.split(",") if "://" in each]


class ConnectionSettings(Settings):
    """Settings of any command that connects to Kafka."""

    bootstrap_servers: str = Field(default="localhost:9092", min_length=1)
    """Kafka brokers to connect to first, `host:port,host:port`. The protocol of a listener may
    precede each, as in `SASL_SSL://host:port`, if it is that of the client property
    `security.protocol`."""

    kafka: dict[str, Value] = Field(default_factory=dict)
    """Any client property of librdkafka, passed through (repeatable). For TLS and SASL too; keep
    passwords in the file or the environment (as a JSON object), where `ps` does not show them."""

    startup_timeout: float = Field(default=60.0, ge=0)
    """Seconds to wait at the start for a broker that is unreachable or a topic that is missing."""

    @field_validator("bootstrap_servers")
    @classmethod
    def _names_no_other_protocol(cls, servers: str) -> str:
        for scheme in _schemes(servers):
            if scheme.upper() not in PROTOCOLS:
                raise ValueError(
                    f"'{scheme}://' is no protocol of Kafka: write host:port,host:port, and name "
                    "the protocol in the client property security.protocol"
                )
        return servers

    @model_validator(mode="after")
    def _has_one_protocol(self) -> Self:
        # librdkafka drops such an address, and reports that there are no brokers.
        protocol = self.kafka.get("security.protocol", "plaintext").upper()
        for scheme in _schemes(self.bootstrap_servers):
            if scheme.upper() != protocol:
                raise ValueError(
                    f"bootstrap_servers names {scheme.upper()}:// and the client property "
                    f"security.protocol is {protocol}: set it to {scheme.upper()}, or write "
                    "host:port"
                )
        return self

    @field_validator("kafka")
    @classmethod
    def _has_a_source_of_tokens(cls, kafka: dict[str, str]) -> dict[str, str]:
        mechanism = kafka.get("sasl.mechanism", kafka.get("sasl.mechanisms", ""))
        if mechanism.upper() == "OAUTHBEARER" and kafka.get("sasl.oauthbearer.method") != "oidc":
            # With no method, librdkafka waits forever for the program to supply a token.
            raise ValueError(
                "sasl.mechanism OAUTHBEARER goes with sasl.oauthbearer.method=oidc, and "
                f"{TOKEN_PROPERTIES}"
            )
        return kafka

    def client_properties(self, **own: Any) -> Properties:
        """Properties for one client.

        Args:
            **own: Properties that the command needs, with `_` for `.`; the user's properties
                override them.
        """
        properties: Properties = {
            "bootstrap.servers": self.bootstrap_servers,
            "socket.timeout.ms": round(SILENT * 1000),
        }
        properties |= {name.replace("_", "."): value for name, value in own.items()}
        return properties | self.kafka
