"""The settings of `bearing-stream dead-letters`: which letters, and how to send them back."""

from pydantic import AwareDatetime, Field

from bearing_stream.kafka import TopicSettings
from bearing_stream.wire import RejectionReason


class LetterSettings(TopicSettings):
    """Which dead letters; by default all that the topic holds."""

    reason: RejectionReason | None = None
    """Only letters of this reason, from the closed list: `wrong-length`."""

    sensor: str | None = Field(default=None, min_length=1)
    """Only letters of this sensor: their `ce_subject`, or their key where that is missing."""

    since: AwareDatetime | None = None
    """Only letters whose original Kafka stamped at this time or later: `2026-01-31T12:00:00Z`."""

    until: AwareDatetime | None = None
    """Only letters whose original Kafka stamped before this time."""

    limit: int | None = Field(default=None, ge=1)
    """Most letters to name, the latest (20 if not said; with `--json` the first ones, or all); most
    letters to redrive (all if not said)."""


class RedriveSettings(LetterSettings):
    """What to send back to the windows topic."""

    max_redrives: int = Field(default=3, ge=1)
    """Times that a message is redriven at most, as its header `bearing-redrives` counts them."""

    redrive_group: str = Field(default="bearing-stream-redrive", min_length=1, max_length=200)
    """Consumer groups of this name and a number remember in their offsets what was redriven; Kafka
    forgets that after `offsets.retention.minutes`, by default a week. Another name begins anew."""
