"""The settings of `bearing-stream page`."""

from ipaddress import ip_address
from math import inf
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from bearing_stream.commands.page.fleet import Limits
from bearing_stream.commands.page.history import FACTOR
from bearing_stream.kafka import AlarmTopicSettings, TopicSettings


class PageSettings(TopicSettings, AlarmTopicSettings):
    """The address of the page, what it remembers, and when a sensor is silent.

    The page reads the topics of diagnoses, of windows and of alarms, and writes the commands of
    operators into that of commands.
    """

    startup_timeout: float = Field(default=inf, ge=0)
    """Seconds to wait for Kafka and the topic of diagnoses at the start, after which the page ends.
    By default it waits for as long as it takes, and states what for."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen on; `0.0.0.0` is every network interface of this machine. Any address but
    this machine's own loopback needs `--token` or `--trusted-header`, and TLS from a reverse
    proxy."""

    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen on; 0 chooses a free port, which is logged."""

    token: str | None = Field(default=None, min_length=16, pattern="^[!-~]*$")
    """Secret of at least 16 printable ASCII characters that a browser must give once, as
    `/?token=…`, and a program in the header `Authorization: Bearer …`. With it, people can
    acknowledge and shelve alarms. Keep it in the file or the environment, where `ps` does not show
    it."""

    trusted_header: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9-]*$")
    """Header that a reverse proxy sets for a user that it has authenticated, such as
    `X-Forwarded-User`; requests without it, and without the token, are refused. It also names who
    acknowledges and shelves alarms. The proxy must remove it from what clients send, and nobody
    else may reach the port."""

    span: float = Field(default=3600.0, ge=0, allow_inf_nan=False)
    """Age in seconds of the oldest diagnoses that are read at the start."""

    span_messages: int = Field(default=500_000, ge=1)
    """Diagnoses of a partition that are read at the start at most; the page reads some ten
    thousand a second."""

    max_sensors: int = Field(default=10_000, ge=1, le=1_000_000)
    """Sensors that the page remembers; beyond, a new one takes the place of one that is silent, or
    is not shown. A sensor takes some 20 to 30 KB, and a browser that reads slowly some 4 MB. It is
    also the most alarms that it remembers: beyond, the least severe are left out."""

    history: int = Field(default=64, ge=2 * FACTOR, le=4096)
    """Points of a sensor's history in each of four tiers: of single measurements, and of 16, 256
    and 4,096 merged ones."""

    silent_after: float = Field(default=5.0, gt=1)
    """A sensor is silent after this many times its own interval, the median of its latest five,
    without a diagnosis."""

    silent_minimum: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    """Seconds before which no sensor is silent, whatever its interval."""

    sensor_table: Path | None = None
    """Table of sensors, as for `consume`: the page takes from it which bearing's lines to draw. By
    default that of the rig that the network was trained on."""

    log_format: Literal["auto", "console", "json"] = "auto"
    """`json` is one object in each line; `auto` is `console` on a terminal, and `json` else."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level to log."""

    @property
    def limits(self) -> Limits:
        """What the page remembers, and when a sensor is silent."""
        return Limits(self.max_sensors, self.history, self.silent_after, self.silent_minimum)

    @property
    def lets_act(self) -> bool:
        """Whether people may act on alarms: only those whose right to do so is known."""
        return bool(self.token or self.trusted_header)

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can reach the page."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        if not (self.is_local or self.token or self.trusted_header):
            raise ValueError(
                f"host {self.host} can be reached from other machines: set token (16 characters or "
                "more), or trusted_header behind a reverse proxy that authenticates"
            )
        return self
