"""The settings of `bearing-stream simulate`."""

from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from bearing_stream.kafka import TopicSettings
from bearing_stream.wire import SampleFormat


def _speed(value: Any) -> Any:
    return inf if value == "max" else value


class SimulatorSettings(TopicSettings):
    """What to replay, how fast, and how it is written."""

    source: Literal["auto", "cwru", "files", "synthetic"] = "auto"
    """Where windows come from. `auto` takes the files named on the command line, or else CWRU
    recordings if there are any, or else makes signals up, and says which."""

    data: Path | None = None
    """Folder with CWRU recordings. By default that of CWRU_DATA, or what was fetched."""

    recordings: str = ""
    """Which CWRU recordings, by number or name: `105,OR021@6_2`. By default all there are."""

    label: str = ""
    """Only bearings of these states: `Normal,InnerRace`. By default all."""

    strict: bool = False
    """Refuse CWRU files that are not the official ones, instead of warning."""

    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Sampling rate in Hz of the files named, where they do not say it themselves."""

    channel: str = ""
    """Which signal of the files named, where they hold several: a name or an index."""

    rpm: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Shaft speed in revolutions a minute of the files named, where it is known."""

    sensors: int = Field(default=16, ge=1)
    """How many synthetic sensors."""

    seed: int = Field(default=0, ge=0)
    """Of the synthetic signals, and of where malformed messages fall."""

    speed: Annotated[float, BeforeValidator(_speed)] = Field(default=1.0, gt=0)
    """Measured seconds a second: 1 is real time, a window every 170.7 ms from each sensor; `max` is
    as fast as Kafka takes them."""

    limit: Annotated[int, Field(ge=1)] | None = None
    """Stop after this many windows of all sensors together."""

    loop: bool = False
    """Begin each recording again at its end. Window numbers go on, so no id comes twice."""

    run: str = Field(default="", max_length=200)
    """Name of this run, put before every window's id. Without one, replaying the same recording
    gives the same ids, and whoever deduplicates sees each window once."""

    start_time: AwareDatetime | None = None
    """Measured time of the first sample, `2026-01-31T12:00:00Z`. By default now. Measured time runs
    at the speed: at 50, a minute's windows span fifty minutes."""

    sample_format: Literal["float32", "int16"] = "float32"
    """How samples are written. `int16` halves the bytes: counts of one scale for each sensor."""

    value_form: Literal["binary", "json"] = "binary"
    """Samples as they lie in memory, or as `{"record": [...]}`."""

    truth: bool = True
    """Tell the fault label in a header, where it is known."""

    malformed: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    """Bad messages to mix in for each window, of every kind in turn: `0.01` is one in a hundred."""

    create_topics: bool = False
    """Create the windows topic if it does not exist."""

    partitions: int = Field(default=4, ge=1)
    """Partitions of a topic that is created."""

    @property
    def wire_format(self) -> SampleFormat:
        """The sample format by its name on the wire."""
        return "int16-le" if self.sample_format == "int16" else "float32-le"

    @property
    def content_type(self) -> Literal["application/octet-stream", "application/json"]:
        """The value form by its name on the wire."""
        return "application/json" if self.value_form == "json" else "application/octet-stream"
