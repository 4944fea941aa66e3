"""A window on the wire: its metadata, its samples, and its encoder."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import to_json

from bearing_stream.vocabulary import SAMPLING_RATE, FaultLabel
from bearing_stream.wire import headers as h
from bearing_stream.wire.timestamps import format_time

SampleFormat = Literal["float32-le", "float64-le", "int16-le"]

SAMPLE_DTYPES: Final[dict[SampleFormat, np.dtype[Any]]] = {
    "float32-le": np.dtype("<f4"),
    "float64-le": np.dtype("<f8"),
    "int16-le": np.dtype("<i2"),
}
"""Memory layout of each sample format: little-endian, one channel."""

Name = Annotated[str, Field(min_length=1, max_length=1024)]


class WindowAttributes(BaseModel):
    """The metadata of a window, from its headers. Field aliases are the header names."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    spec_version: Literal["1.0"] = Field(default="1.0", alias=h.SPEC_VERSION)
    type: Literal["bearing.vibration.window.v1"] = Field(default=h.WINDOW_TYPE, alias=h.TYPE)
    source: Name = Field(alias=h.SOURCE)
    """Origin of the window, a URI reference."""
    id: Name = Field(alias=h.ID)
    """Unique within the source."""
    time: AwareDatetime = Field(alias=h.TIME)
    """Time of the first sample."""
    sensor: Name = Field(alias=h.SUBJECT)
    sampling_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(alias=h.SAMPLING_RATE)
    """Hz."""
    sample_format: SampleFormat = Field(default="float32-le", alias=h.SAMPLE_FORMAT)
    shaft_speed: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, alias=h.SHAFT_SPEED
    )
    """Revolutions per minute, if known."""
    fault_label: FaultLabel | None = Field(default=None, alias=h.FAULT_LABEL)
    """The true label, if a labelled recording is replayed."""
    content_type: Literal["application/octet-stream", "application/json"] = Field(
        default="application/octet-stream", alias=h.CONTENT_TYPE
    )
    ignored: tuple[str, ...] = ()
    """Optional headers whose value is invalid; the window is read as if it did not have them."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window to send: its samples and its metadata.

    `samples` has shape (2048,): float32, float64 or int16, in any unit. The other fields are those
    of `WindowAttributes`, which is the metadata of a window received.
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


def encode_window(
    window: Window,
    sample_format: SampleFormat = "float32-le",
    content_type: Literal[
        "application/octet-stream", "application/json"
    ] = "application/octet-stream",
) -> h.Message:
    """The message for a window.

    Samples are cast to `sample_format` without scaling: for `int16-le`, scale them to counts first.
    As JSON the value is `{"record": [...]}`.
    """
    samples = np.ascontiguousarray(window.samples, dtype=SAMPLE_DTYPES[sample_format])
    binary = content_type == h.BINARY
    headers: h.Headers = [
        (h.SPEC_VERSION, b"1.0"),
        (h.TYPE, h.WINDOW_TYPE.encode()),
        (h.SOURCE, window.source.encode()),
        (h.ID, window.id.encode()),
        (h.TIME, format_time(window.time).encode()),
        (h.SUBJECT, window.sensor.encode()),
        (h.SAMPLING_RATE, _number(window.sampling_rate)),
        (h.CONTENT_TYPE, content_type.encode()),
    ]
    if binary:
        headers.append((h.SAMPLE_FORMAT, sample_format.encode()))
    if window.shaft_speed is not None:
        headers.append((h.SHAFT_SPEED, _number(window.shaft_speed)))
    if window.fault_label is not None:
        headers.append((h.FAULT_LABEL, window.fault_label.encode()))
    if window.traceparent is not None:
        headers.append((h.TRACE_PARENT, window.traceparent.encode()))
    value = samples.tobytes() if binary else to_json({"record": samples.tolist()})
    return h.Message(window.sensor.encode(), value, headers)


def _number(value: float) -> bytes:
    """The shortest text that parses to the same number: `12000`, `1796.25`."""
    return repr(float(value)).removesuffix(".0").encode()
