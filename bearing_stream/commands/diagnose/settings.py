"""The settings of `bearing-stream diagnose`."""

from typing import Annotated

from pydantic import Field

from model.settings import AssessmentSettings


class DiagnoseSettings(AssessmentSettings):
    """How the files are read and diagnosed."""

    rate: Annotated[float, Field(gt=0)] | None = None
    """Sampling rate in Hz of the files, where they do not say it themselves."""

    channel: str | None = None
    """Which signal of the files, where they hold several: a name or an index."""

    rpm: Annotated[float, Field(gt=0)] | None = None
    """Shaft speed in revolutions a minute, where it is known."""

    sensor: str | None = None
    """Id of the sensor, for its row of the table of sensors. By default each file's name without
    its ending."""

    windows: bool = False
    """Show each window instead of each recording."""
