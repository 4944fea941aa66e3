"""The settings of every command that reads a user's own files."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from bearing_stream.config import Duration, Settings
from bearing_stream.recordings.files import read_file
from bearing_stream.recordings.recording import Recording
from bearing_stream.sampling import LowestRate
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH


def _listed(value: Any) -> Any:
    """Return a number or a text such as `1780,1750` as a sequence."""
    if isinstance(value, str):
        return value.split(",")
    return (value,) if isinstance(value, int | float) else value


Numbers = Annotated[
    tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...],
    BeforeValidator(_listed),
    NoDecode,
]
"""Positive numbers; in a settings file a list or one number, in a variable separated by commas."""


def _a_window_or_more(seconds: float) -> float:
    if round(seconds * SAMPLING_RATE) < WINDOW_LENGTH:
        window = WINDOW_LENGTH / SAMPLING_RATE
        raise ValueError(f"expected one window, {window:.4f} s, or more; got {seconds:g} s")
    return seconds


MeasurementDuration = Annotated[Duration, AfterValidator(_a_window_or_more)]
"""Seconds of a measurement to send."""


class ReadingSettings(Settings, LowestRate):
    """How to read files that can be read in several ways, next to their rate and channel."""

    variable: str | None = None
    """Variable of a MATLAB, HDF5 or NumPy file that holds the signal, `bearing.gs`, if several do;
    the channel then selects in it."""

    windows_as_rows: bool = False
    """Each row of a matrix or a table is a window of one signal, and not a channel."""

    unit: str = ""
    """Unit of the samples, if the files do not state it: `g`, `m/s2`."""

    decimal: Literal[".", ","] | None = None
    """Decimal mark of text files, if it cannot be found."""

    def read(
        self,
        path: Path,
        *,
        rate: float | None = None,
        channel: str | None = None,
        sensor: str | None = None,
        rpm: float | None = None,
        native_rate: bool = False,
    ) -> Recording:
        """Read a recording with these settings; arguments and errors as for `read_file`."""
        return read_file(
            path,
            sampling_rate=rate,
            channel=channel,
            variable=self.variable,
            sensor=sensor,
            rpm=rpm,
            unit=self.unit,
            windows_as_rows=self.windows_as_rows,
            decimal=self.decimal,
            native_rate=native_rate,
            lowest_rate=self.min_sampling_rate,
        )
