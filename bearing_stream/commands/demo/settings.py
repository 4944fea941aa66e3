"""The settings of `bearing-stream demo`."""

from pathlib import Path

from pydantic import AliasChoices, Field

from bearing_stream.config import ENVIRONMENT_PREFIX, Settings


class DemoSettings(Settings):
    """What to show, and where."""

    bootstrap_servers: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "bootstrap_servers", ENVIRONMENT_PREFIX + "BOOTSTRAP_SERVERS", "BOOTSTRAP_SERVERS"
        ),
    )
    """Your Kafka, `host:port`; also as BOOTSTRAP_SERVERS. Without it a Kafka is started here."""

    kafka: dict[str, str] = Field(default_factory=dict)
    """Any client property of librdkafka for your Kafka, passed through (repeatable)."""

    data: Path | None = None
    """Folder with CWRU recordings. By default that of CWRU_DATA, or what was fetched; else signals
    are made up."""

    seconds: float = Field(default=20.0, ge=1, le=3600)
    """How long windows arrive live."""

    backlog: int = Field(default=20_000, ge=1, le=10_000_000)
    """Windows that wait in Kafka when the consumer starts."""

    output: Path = Path("out/demo.json")
    """Where the summary is written, as JSON."""
