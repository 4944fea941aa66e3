"""What can go wrong in a library that reads a file: it is missing, or the file is damaged."""

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


@contextmanager
def reading(format_name: str, path: Path) -> Iterator[None]:
    """Report any error of a library over a damaged file in one line.

    The libraries raise many unrelated types: of zlib, of the tokenizer, of their own.

    Raises:
        RecordingError: The code in the context failed.
    """
    try:
        yield
    except RecordingError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RecordingError(
            f"{path}: not a complete {format_name} file, or a damaged one ({reason[:200]})"
        ) from error
