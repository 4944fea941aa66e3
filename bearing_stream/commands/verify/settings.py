"""The settings of `bearing-stream verify`."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from bearing_stream.kafka import TopicSettings

Partition = Annotated[int, Field(ge=0)]
Offset = Annotated[int, Field(ge=0)]


class VerifySettings(TopicSettings):
    """Which windows to check, and how long to wait for their answers.

    The range is that of all four bounds together; by default all that the windows topic holds.
    """

    since: AwareDatetime | None = None
    """Check windows from the first on that Kafka stamped at this time or later:
    `2026-01-31T12:00:00Z`."""

    until: AwareDatetime | None = None
    """Check windows before the first that Kafka stamped at this time or later."""

    from_offset: dict[Partition, Offset] = Field(default_factory=dict)
    """`PARTITION=OFFSET`: check that partition from this offset on (repeatable)."""

    to_offset: dict[Partition, Offset] = Field(default_factory=dict)
    """`PARTITION=OFFSET`: check that partition before this offset (repeatable)."""

    guarantee: Literal["exactly-once", "at-least-once"] = "exactly-once"
    """What was promised. With `at-least-once` a repeated answer is counted and is not wrong, as
    long as it has the `ce_id` of the first."""

    settle: float = Field(default=15.0, ge=0)
    """Seconds to wait for further answers while windows are without; every answer that comes begins
    them anew. An open transaction of a consumer that was killed holds answers back for ten."""

    model_version: str | None = Field(default=None, min_length=1)
    """Count the diagnoses of this model version only, where several models diagnosed the same
    windows."""

    clock_tolerance: float = Field(default=3600.0, ge=0)
    """With `since`: answers are read from so many seconds before it, since the clocks of those who
    send windows and of those who answer may differ."""

    samples: int = Field(default=10, ge=0, le=10_000)
    """Offenders to name, of each kind."""

    @model_validator(mode="after")
    def _range_has_a_direction(self) -> Self:
        if self.since and self.until and self.since >= self.until:
            raise ValueError("--since must be before --until")
        for partition, end in self.to_offset.items():
            if self.from_offset.get(partition, 0) > end:
                raise ValueError(f"--from-offset of partition {partition} is beyond --to-offset")
        return self
