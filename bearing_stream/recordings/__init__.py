"""Recordings, and their sources.

`cwru` reads the files of the CWRU bearing data center, `files` reads a user's own, and `synthetic`
generates recordings. All of them return a `Recording` at the model's 12 kHz, the only rate that the
rest of the project accepts.
"""

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.recording import Recording

__all__ = ["Recording", "RecordingError"]
