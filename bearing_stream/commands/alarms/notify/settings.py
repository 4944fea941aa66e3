"""The settings of `bearing-stream alarms notify`."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from bearing_stream.kafka import AlarmTopicSettings
from consumer.endpoint_settings import EndpointSettings


class NotifySettings(AlarmTopicSettings, EndpointSettings):
    """Which receivers are notified, and from which topics."""

    receivers: Path
    """TOML file of the receivers: who is notified of what, and how."""

    group: str = Field(default="bearing-stream-notify", min_length=1)
    """Begin of the name of each receiver's consumer group: the receiver `pager` has the group
    `bearing-stream-notify-pager`. Processes of one group share the partitions of the events."""

    report_interval: float = Field(default=60.0, gt=0)
    """Seconds between two `report` events, which log the counts of each receiver."""

    log_format: Literal["auto", "console", "json"] = "auto"
    """`json` is one object in each line; `auto` is `console` on a terminal, and `json` else."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""

    def group_of(self, receiver: str) -> str:
        """Return the consumer group of a receiver, that of the replay if there is one."""
        group = self.group if self.replay is None else f"{self.group}.{self.replay}"
        return f"{group}-{receiver}"
