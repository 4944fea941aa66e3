"""The settings of `bearing-stream demo`."""

from pathlib import Path

from pydantic import AliasChoices, Field

from bearing_stream.config import ENVIRONMENT_PREFIX, Settings
from bearing_stream.recordings.settings import MeasurementDuration
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH


class DemoSettings(Settings):
    """What to demonstrate, and on which Kafka."""

    bootstrap_servers: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "bootstrap_servers", ENVIRONMENT_PREFIX + "BOOTSTRAP_SERVERS", "BOOTSTRAP_SERVERS"
        ),
    )
    """Your Kafka, `host:port`; also as BOOTSTRAP_SERVERS. By default, a local Kafka is
    started."""

    kafka: dict[str, str] = Field(default_factory=dict)
    """A client property of librdkafka for your Kafka (repeatable)."""

    data: Path | None = None
    """Folder with CWRU recordings; by default that of CWRU_DATA, or the fetched recordings. Without
    recordings, the signals are synthetic."""

    seconds: float = Field(default=20.0, ge=1, le=3600)
    """Seconds during which windows arrive live."""

    backlog: int = Field(default=20_000, ge=1, le=10_000_000)
    """Windows in Kafka when the consumer starts."""

    measurement: MeasurementDuration | None = None
    """Seconds of a measurement, which is one message: `1s`, `500ms`. By default one window."""

    page: bool = False
    """Open the page of the fleet in a browser while the demo runs; needs the extra `page`. It ends
    with the demo."""

    native_rate: bool = False
    """Send the recordings at their own rate, and synthetic signals at 48 kHz, as int16; the
    consumer resamples them."""

    @property
    def windows_of_a_measurement(self) -> int:
        """How many windows each message holds."""
        return max(1, int((self.measurement or 0) * SAMPLING_RATE / WINDOW_LENGTH))

    @property
    def simulator_options(self) -> list[str]:
        """What `bearing-stream simulate` is to send."""
        options = [] if self.measurement is None else ["--measurement", f"{self.measurement:g}s"]
        if self.native_rate:
            options += ["--native-rate", "--sample-format", "int16"]
        return options

    output: Path = Path("out/demo.json")
    """File to write the summary to, as JSON."""
