"""The settings of `bearing-stream diagnose`."""

from typing import Annotated

from pydantic import Field

from bearing_stream.recordings.settings import ReadingSettings
from model.settings import AssessmentSettings


# The assessment comes first among the bases, so that its options come last.
class DiagnoseSettings(AssessmentSettings, ReadingSettings):
    """How to read and diagnose the files."""

    rate: Annotated[float, Field(gt=0)] | None = None
    """Sampling rate of the files in Hz, if they do not state it. One that they state must agree."""

    channel: str | None = None
    """Name or number (from 0) of the signal to diagnose, if the files hold several."""

    rpm: Annotated[float, Field(gt=0)] | None = None
    """Shaft speed in revolutions a minute, if it is known."""

    sensor: str | None = None
    """Id of the sensor, which selects its row in the table of sensors. By default, the name of each
    file without its suffix."""

    windows: bool = False
    """Print a line for each window instead of each recording."""
