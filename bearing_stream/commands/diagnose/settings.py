"""The settings of `bearing-stream diagnose`."""

from typing import Annotated

from pydantic import Field

from model.settings import AssessmentSettings


class DiagnoseSettings(AssessmentSettings):
    """How to read and diagnose the files."""

    rate: Annotated[float, Field(gt=0)] | None = None
    """Sampling rate of the files in Hz, for formats that do not contain it."""

    channel: str | None = None
    """Name or index of the signal to diagnose, if the files contain several."""

    rpm: Annotated[float, Field(gt=0)] | None = None
    """Shaft speed in revolutions a minute, if it is known."""

    sensor: str | None = None
    """Id of the sensor, which selects its row in the table of sensors. By default, the name of each
    file without its suffix."""

    windows: bool = False
    """Print a line for each window instead of each recording."""
