"""The settings of `bearing-stream watch`."""

from pydantic import Field

from bearing_stream.kafka import TopicSettings


class WatchSettings(TopicSettings):
    """What to watch, and until when. Only the topic of diagnoses is read."""

    from_beginning: bool = False
    """Begin with the oldest diagnosis that the topic still has, instead of with the next one."""

    limit: int | None = Field(default=None, ge=1)
    """Stop after so many diagnoses."""

    until_idle: float | None = Field(default=None, gt=0)
    """Stop when no diagnosis came for so many seconds. While Kafka does not answer, none count."""

    max_sensors: int = Field(default=10_000, ge=1)
    """Sensors to remember. Beyond, whichever was silent longest is dropped from the table."""
