"""A measurement on the wire: its metadata, its samples, and its encoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeAlias

from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import to_json

from bearing_stream.vocabulary import SAMPLING_RATE, FaultLabel
from bearing_stream.wire import headers as h
from bearing_stream.wire.samples import SAMPLE_DTYPES, SampleFormat, pack
from bearing_stream.wire.timestamps import format_time

Unit = Literal["g", "m/s2", "counts"]
"""Unit of the samples: acceleration, or the counts of a converter, of unknown scale."""

Name = Annotated[str, Field(min_length=1, max_length=1024)]

ShaftSpeed = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""Revolutions per minute."""


_new, _set = object.__new__, object.__setattr__


class MeasurementAttributes(BaseModel):
    """The metadata of a measurement, from its headers. Field aliases are the header names."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    spec_version: Literal["1.0"] = Field(default="1.0", alias=h.SPEC_VERSION)
    type: Literal["bearing.vibration.window.v1"] = Field(default=h.WINDOW_TYPE, alias=h.TYPE)
    source: Name = Field(alias=h.SOURCE)
    """Origin of the measurement, a URI reference."""
    id: Name = Field(alias=h.ID)
    """Unique within the source."""
    time: AwareDatetime = Field(alias=h.TIME)
    """Time of the first sample."""
    sensor: Name = Field(alias=h.SUBJECT)
    sampling_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(alias=h.SAMPLING_RATE)
    """Hz."""
    sample_format: SampleFormat = Field(default="float32-le", alias=h.SAMPLE_FORMAT)
    unit: Unit | None = Field(default=None, alias=h.UNIT)
    """Unit of the samples, if known."""
    channel: Name | None = Field(default=None, alias=h.CHANNEL)
    """Which of the sensor's channels was measured, if it has several."""
    shaft_speed: ShaftSpeed | None = Field(default=None, alias=h.SHAFT_SPEED)
    """Revolutions per minute, if known."""
    fault_label: FaultLabel | None = Field(default=None, alias=h.FAULT_LABEL)
    """The true label, if a labelled recording is replayed."""
    content_type: Literal["application/octet-stream", "application/json"] = Field(
        default="application/octet-stream", alias=h.CONTENT_TYPE
    )
    ignored: tuple[str, ...] = ()
    """Optional headers whose value is invalid; the measurement is read as if it had none."""

    def with_fields(self, fields: Mapping[str, Any]) -> Self:
        """Return a copy with other values of fields that are set, as `model_copy` in half its time.

        Args:
            fields: Valid values.
        """
        copy = _new(type(self))
        _set(copy, "__dict__", {**self.__dict__, **fields})
        _set(copy, "__pydantic_fields_set__", self.__pydantic_fields_set__)
        _set(copy, "__pydantic_extra__", None)
        _set(copy, "__pydantic_private__", None)
        return copy


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement to send: its samples and its metadata.

    `samples` has shape (n,), any n and any `sampling_rate` that make at least one window (2048
    samples at 12 kHz): real numbers in any unit. The other fields are those of
    `MeasurementAttributes`, which is the metadata of a measurement received.
    """

    source: str
    id: str
    sensor: str
    time: datetime
    samples: NDArray[Any]
    sampling_rate: float = SAMPLING_RATE
    shaft_speed: float | None = None
    fault_label: FaultLabel | None = None
    traceparent: str | None = None
    unit: Unit | None = None
    channel: str | None = None


Window: TypeAlias = Measurement
WindowAttributes: TypeAlias = MeasurementAttributes
"""Names from when each message held one window; programs that use them go on working."""


def encode_measurement(
    measurement: Measurement,
    sample_format: SampleFormat = "float32-le",
    content_type: Literal[
        "application/octet-stream", "application/json"
    ] = "application/octet-stream",
) -> h.Message:
    """The message for a measurement.

    Samples are cast to `sample_format` without scaling: for integers, scale them to counts first.
    As JSON the value is `{"record": [...]}`.

    Raises:
        ValueError: A sample is out of the range of `int24-le`.
    """
    binary = content_type == h.BINARY
    headers: h.Headers = [
        (h.SPEC_VERSION, b"1.0"),
        (h.TYPE, h.WINDOW_TYPE.encode()),
        (h.SOURCE, measurement.source.encode()),
        (h.ID, measurement.id.encode()),
        (h.TIME, format_time(measurement.time).encode()),
        (h.SUBJECT, measurement.sensor.encode()),
        (h.SAMPLING_RATE, _number(measurement.sampling_rate)),
        (h.CONTENT_TYPE, content_type.encode()),
    ]
    if binary:
        headers.append((h.SAMPLE_FORMAT, sample_format.encode()))
    if measurement.shaft_speed is not None:
        headers.append((h.SHAFT_SPEED, _number(measurement.shaft_speed)))
    texts = {
        h.UNIT: measurement.unit,
        h.CHANNEL: measurement.channel,
        h.FAULT_LABEL: measurement.fault_label,
        h.TRACE_PARENT: measurement.traceparent,
    }
    headers += [(name, text.encode()) for name, text in texts.items() if text is not None]
    if binary:
        value = pack(measurement.samples, sample_format)
    else:
        cast = measurement.samples.astype(SAMPLE_DTYPES[sample_format], copy=False)
        value = to_json({"record": cast.tolist()})
    return h.Message(measurement.sensor.encode(), value, headers)


encode_window = encode_measurement
"""The name of `encode_measurement` from when each message held one window."""


def _number(value: float) -> bytes:
    """The shortest text that parses to the same number: `12000`, `1796.25`."""
    return repr(float(value)).removesuffix(".0").encode()
