"""What a recording is, and where from.

`cwru` reads the CWRU bearing data center's files, `files` a user's own, `synthetic` makes them up.
All of them hand out a `Recording` at the model's 12 kHz; nothing downstream meets another rate.
"""

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.recording import Recording

__all__ = ["Recording", "RecordingError"]
