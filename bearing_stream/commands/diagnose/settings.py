"""The settings of `bearing-stream diagnose`."""

from bearing_stream.recordings.settings import Numbers, ReadingSettings
from model.settings import AssessmentSettings


# The assessment comes first among the bases, so that its options come last.
class DiagnoseSettings(AssessmentSettings, ReadingSettings):
    """How to read and diagnose the files."""

    rate: Numbers = ()
    """Sampling rate in Hz, if the files do not state it: one for all files, or one for each
    (repeatable). One that they state must agree."""

    channel: str | None = None
    """Name or number (from 0) of the signal to diagnose, if the files hold several."""

    rpm: Numbers = ()
    """Shaft speed in revolutions a minute, if it is known: one for all files, or one for each
    (repeatable)."""

    sensor: str | None = None
    """Id of the sensor, which selects its row in the table of sensors. By default, the name of each
    file without its suffix."""

    windows: bool = False
    """Print a line for each window instead of each recording."""
