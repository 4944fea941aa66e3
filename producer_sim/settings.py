"""The settings of `bearing-stream simulate`."""

from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from bearing_stream.kafka import TopicSettings
from bearing_stream.recordings.settings import MeasurementDuration, Numbers, ReadingSettings
from bearing_stream.wire import SampleFormat


def _speed(value: Any) -> Any:
    return inf if value == "max" else value


# Kafka comes first among the bases, so that its options come last.
class SimulatorSettings(TopicSettings, ReadingSettings):
    """What to replay, how fast, and in which format."""

    source: Literal["auto", "cwru", "files", "synthetic"] = "auto"
    """Where windows come from. `auto` uses the files on the command line, or else CWRU recordings
    if there are any, or else synthetic signals, and prints which."""

    data: Path | None = None
    """Folder with CWRU recordings. By default that of CWRU_DATA, or the cache."""

    recordings: str = ""
    """Which CWRU recordings, by number or name: `105,OR021@6_2`. By default all in the folder."""

    label: str = ""
    """Only bearings of these states: `Normal,InnerRace`. By default all."""

    strict: bool = False
    """Refuse CWRU files that are not the official ones, instead of warning."""

    rate: Numbers = ()
    """Sampling rate in Hz of the files named, where they do not state it themselves: one for all
    files, or one for each (repeatable)."""

    channel: str = ""
    """Which signal of the files named, where they hold several: a name or a number from 0."""

    rpm: Numbers = ()
    """Shaft speed in revolutions per minute of the files named, where it is known: one for all
    files, or one for each (repeatable). Of synthetic bearings, one for all."""

    sensors: int = Field(default=16, ge=1)
    """Number of synthetic sensors."""

    seed: int = Field(default=0, ge=0)
    """Seed of the synthetic signals, and of the positions of malformed messages."""

    measurement: MeasurementDuration | None = None
    """Seconds of a measurement, which is one message: `1s`, `500ms`. By default one window."""

    native_rate: bool = False
    """Send recordings at their own rate and synthetic signals at 48 kHz, instead of all at 12 kHz;
    the consumer resamples them."""

    speed: Annotated[float, BeforeValidator(_speed)] = Field(default=1.0, gt=0)
    """Measured seconds per second: 1 is real time, a window every 170.7 ms from each sensor; `max`
    is as fast as Kafka accepts them."""

    limit: Annotated[int, Field(ge=1)] | None = None
    """Stop after this many measurements of all sensors together."""

    loop: bool = False
    """Repeat each recording from its start. Numbers go on, so that ids stay unique."""

    run: str = Field(default="", max_length=200)
    """Name of this run, a prefix of every measurement's id. Without one, a replay of the same
    recording has the same ids, and a subscriber that deduplicates sees each once."""

    start_time: AwareDatetime | None = None
    """Measured time of the first sample, `2026-01-31T12:00:00Z`. By default the
    present. Measured time runs at the speed: at 50, a minute's signal spans fifty minutes."""

    sample_format: Literal["float32", "int16"] = "float32"
    """Format of the samples. `int16` halves the bytes: counts with one scale for each sensor."""

    value_form: Literal["binary", "json"] = "binary"
    """Samples as binary data, or as `{"record": [...]}`."""

    truth: bool = True
    """Send the fault label in a header, where it is known."""

    malformed: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    """Malformed messages to add per measurement, of every kind in turn: `0.01` is one in a
    hundred."""

    create_topics: bool = False
    """Create the windows topic if it does not exist."""

    partitions: int = Field(default=4, ge=1)
    """Partitions of a topic that is created."""

    @property
    def wire_format(self) -> SampleFormat:
        """The sample format, named as on the wire."""
        return "int16-le" if self.sample_format == "int16" else "float32-le"

    @property
    def content_type(self) -> Literal["application/octet-stream", "application/json"]:
        """The content type, named as on the wire."""
        return "application/json" if self.value_form == "json" else "application/octet-stream"
