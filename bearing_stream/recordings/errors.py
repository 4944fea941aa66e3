"""The one error of this package."""


class RecordingError(Exception):
    """A recording cannot be used.

    Its message names the file, the expected and the actual content, and a remedy if there is one.
    """
