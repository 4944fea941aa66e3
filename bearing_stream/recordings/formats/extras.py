"""Formats whose readers are in the extra `files`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bearing_stream.recordings.errors import RecordingError


@contextmanager
def needs(format_name: str, path: Path) -> Iterator[None]:
    """Report a reader that cannot be imported in one line, with the remedy.

    Raises:
        RecordingError: The import in the context failed.
    """
    try:
        yield
    except ImportError as error:
        missing = error.name or str(error)
        raise RecordingError(
            f"{path}: reading {format_name} needs a package that is not installed ({missing}): "
            "pip install 'bearing-stream[files]'"
        ) from error
