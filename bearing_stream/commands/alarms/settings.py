"""The settings of `bearing-stream alarms`."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from bearing_stream.alarms.commands import LONGEST_NAME
from bearing_stream.alarms.engine import MAX_SENSORS
from bearing_stream.kafka import AlarmTopicSettings
from bearing_stream.kafka.topics import transactional_name
from consumer.stage_settings import StageSettings


class AlarmSettings(AlarmTopicSettings, StageSettings):
    """Settings of the stage that raises alarms."""

    service_name: ClassVar[str] = "bearing-stream-alarms"

    group: str = Field(default="bearing-stream-alarms", min_length=1)
    """Consumer group. Instances of one group share the partitions of the diagnoses topic."""

    take_over: str | None = Field(default=None, min_length=1)
    """Group whose state this one goes on with, after a change of `group`. Without it, state of
    another group is refused: two groups on the same topics would publish each alarm twice."""

    rules: Path | None = None
    """TOML file of rules: when which alarm is raised. It is read again when it changes. Without it,
    the defaults hold."""

    batch_size: int = Field(default=1000, ge=1, le=65536)
    """Maximum number of diagnoses that are taken together."""

    checkpoint_interval: float = Field(default=10.0, gt=0, le=600)
    """Seconds between two times that the state of every sensor that changed is written. After a
    restart, diagnoses since then are read again. A sensor is written at once if an alarm of it
    changes."""

    sensor_limit: int = Field(default=MAX_SENSORS, ge=1)
    """Sensors in a partition of which state is kept, about 5 kB each; those of more are ignored and
    counted."""

    @property
    def own_group(self) -> str:
        """The consumer group, that of the replay if there is one."""
        return self.group if self.replay is None else f"{self.group}.{self.replay}"

    @model_validator(mode="after")
    def _has_one_group(self) -> Self:
        transactional_name(self.own_group)
        return self


class HistorySettings(AlarmTopicSettings):
    """Which events to list."""

    limit: int = Field(default=50, ge=1)
    """Maximum number of events: the latest ones, or with `--json` the first ones."""


class ActSettings(AlarmTopicSettings):
    """Who gives a command."""

    by: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    """The operator; by default the user of this computer."""

    wait: float = Field(default=10.0, ge=0, le=600)
    """Seconds to wait for the result of the command."""


class CheckSettings(AlarmTopicSettings):
    """What to check the events of alarms with."""

    rules: Path | None = None
    """TOML file of the rules that the stage had; without it, the defaults."""

    sensor_limit: int = Field(default=MAX_SENSORS, ge=1)
    """The one that the stage had."""
