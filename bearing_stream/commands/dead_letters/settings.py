"""The settings of `bearing-stream dead-letters`."""

from pydantic import AwareDatetime, Field

from bearing_stream.kafka import TopicSettings
from bearing_stream.kafka.topics import TransactionalName
from bearing_stream.wire import RejectionReason


class LetterSettings(TopicSettings):
    """Which dead letters to list; by default, all in the topic."""

    reason: RejectionReason | None = None
    """Only letters with this reason, such as `wrong-length`."""

    sensor: str | None = Field(default=None, min_length=1)
    """Only letters of this sensor: the `ce_subject`, or the key if that header is missing."""

    since: AwareDatetime | None = None
    """Only letters whose original has this Kafka timestamp or a later one, such as
    `2026-01-31T12:00:00Z`."""

    until: AwareDatetime | None = None
    """Only letters whose original has an earlier Kafka timestamp."""

    limit: int | None = Field(default=None, ge=1)
    """Maximum number of letters. `list` shows the latest ones (by default 20), or with `--json` the
    first ones (by default all); `redrive` sends the first ones (by default all)."""


class RedriveSettings(LetterSettings):
    """Which originals to send back to the windows topic."""

    max_redrives: int = Field(default=3, ge=1)
    """Maximum number of redrives of a message, counted in its header `bearing-redrives`."""

    redrive_group: TransactionalName = Field(
        default="bearing-stream-redrive", min_length=1, max_length=200
    )
    """Prefix of the consumer groups whose offsets record which letters were redriven. Kafka deletes
    them after `offsets.retention.minutes`, by default a week. With another name, all letters count
    as not redriven."""
