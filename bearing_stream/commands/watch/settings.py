"""The settings of `bearing-stream watch`."""

from pydantic import Field

from bearing_stream.kafka import TopicSettings


class WatchSettings(TopicSettings):
    """What to watch, and until when. `watch` reads only the diagnoses topic."""

    from_beginning: bool = False
    """Start with the oldest diagnosis in the topic instead of the next one."""

    indicators: bool = False
    """Show the condition indicators of each sensor's latest measurement, in place of rates and
    latencies."""

    limit: int | None = Field(default=None, ge=1)
    """Stop after this many diagnoses."""

    until_idle: float | None = Field(default=None, gt=0)
    """Stop if no diagnosis arrives for this many seconds, not counting time without a connection to
    Kafka."""

    max_sensors: int = Field(default=10_000, ge=1)
    """Sensors to keep in the table. Beyond this, the sensor that is silent for longest is
    removed."""
