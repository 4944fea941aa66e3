"""The settings of `bearing-stream verify`."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from bearing_stream.kafka import TopicSettings

Partition = Annotated[int, Field(ge=0)]
Offset = Annotated[int, Field(ge=0)]


class VerifySettings(TopicSettings):
    """Which windows to check, and how long to wait for their results.

    A window must satisfy all four bounds; without any, the whole windows topic is checked.
    """

    since: AwareDatetime | None = None
    """Check each partition from its first window whose Kafka timestamp is this time or later, such
    as `2026-01-31T12:00:00Z`."""

    until: AwareDatetime | None = None
    """Check each partition up to its first window whose Kafka timestamp is this time or later."""

    from_offset: dict[Partition, Offset] = Field(default_factory=dict)
    """`PARTITION=OFFSET`: check this partition from this offset on (repeatable)."""

    to_offset: dict[Partition, Offset] = Field(default_factory=dict)
    """`PARTITION=OFFSET`: check this partition up to this offset, exclusive (repeatable)."""

    guarantee: Literal["exactly-once", "at-least-once"] = "exactly-once"
    """The guarantee to check. With `at-least-once`, a repeated result is counted but allowed if it
    has the `ce_id` of the first."""

    settle: float = Field(default=15.0, ge=0)
    """Seconds to wait for further results while windows have none; each result that arrives
    restarts the wait. An open transaction of a killed consumer holds results back for 10 s."""

    model_version: str | None = Field(default=None, min_length=1)
    """Count the diagnoses of this model version only, if several models diagnosed the same
    windows."""

    clock_tolerance: float = Field(default=3600.0, ge=0)
    """With `since`: read results from this many seconds before it on, since the clocks of producers
    and consumers may differ."""

    samples: int = Field(default=10, ge=0, le=10_000)
    """Records to list for each kind of violation."""

    @model_validator(mode="after")
    def _range_is_ordered(self) -> Self:
        if self.since and self.until and self.since >= self.until:
            raise ValueError("--since must be before --until")
        for partition, end in self.to_offset.items():
            if self.from_offset.get(partition, 0) > end:
                raise ValueError(f"--from-offset of partition {partition} is beyond --to-offset")
        return self
