"""The one error of this package."""


class RecordingError(Exception):
    """A recording cannot be used.

    Its message says which file, what was expected, what came and, where there is one, the way out.
    """
