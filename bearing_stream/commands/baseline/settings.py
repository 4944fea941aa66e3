"""The settings of `bearing-stream baseline`: how files are read, where in Kafka windows are."""

from typing import Self

from pydantic import AwareDatetime, model_validator

from bearing_stream.kafka import ConnectionSettings
from bearing_stream.kafka.topics import TopicName
from bearing_stream.recordings.settings import ReadingSettings
from bearing_stream.wire import MeasurementLimits


# Kafka comes first among the bases, so that its options come last.
class BaselineSettings(ConnectionSettings, MeasurementLimits, ReadingSettings):
    """How to read the files, or with `--from-topic`, which windows of Kafka.

    The limits are those of the consumer, so that a baseline is fitted to what it diagnoses.
    """

    windows_topic: TopicName = "bearing.windows"
    """Topic of the windows."""

    since: AwareDatetime | None = None
    """With `--from-topic`: the first time at which the machine was healthy, by Kafka's timestamps,
    such as `2026-01-31T12:00:00Z`; default is the beginning of the topic."""

    until: AwareDatetime | None = None
    """With `--from-topic`: the time up to which it was; default is the topic's end now."""

    @model_validator(mode="after")
    def _range_is_ordered(self) -> Self:
        if self.since and self.until and self.since >= self.until:
            raise ValueError("--since must be before --until")
        return self
