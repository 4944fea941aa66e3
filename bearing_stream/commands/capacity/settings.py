"""The settings of `bearing-stream capacity`."""

from typing import Literal

from pydantic import AliasChoices, Field

from bearing_stream.config import ENVIRONMENT_PREFIX, Settings


class CapacitySettings(Settings):
    """What to measure, and on which Kafka."""

    bootstrap_servers: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "bootstrap_servers", ENVIRONMENT_PREFIX + "BOOTSTRAP_SERVERS", "BOOTSTRAP_SERVERS"
        ),
    )
    """Your Kafka, `host:port`; also as BOOTSTRAP_SERVERS. By default, a local Kafka is
    started, which shares the processor with the consumers."""

    kafka: dict[str, str] = Field(default_factory=dict)
    """A client property of librdkafka for your Kafka (repeatable)."""

    backlog: int = Field(default=100_000, ge=1000, le=10_000_000)
    """Windows that are written, and then processed by each number of consumers: 8 kB each as
    float32."""

    max_seconds: float = Field(default=12.0, ge=1, le=600)
    """Seconds in which the consumers are measured at most; they need not process all windows."""

    max_workers: int | None = Field(default=None, ge=1, le=256)
    """Consumers to measure, in addition to a single one; by default as many as there are cores."""

    guarantee: Literal["exactly-once", "at-least-once"] = "exactly-once"
    """Guarantee of the consumers."""

    diagnoser: Literal["auto", "network", "physics"] = "auto"
    """What decides. With `auto`, physics and the network are both computed for every window."""

    sample_format: Literal["float32", "int16"] = "float32"
    """Format of the samples. `int16` halves the bytes."""
