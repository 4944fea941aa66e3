"""Read MATLAB files of any content."""

from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray

from bearing_stream.recordings.errors import RecordingError


def read_matlab(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read every variable of a MATLAB file of version 4 to 7.2.

    Args:
        path: The file.

    Returns:
        Arrays by variable name, in the file's order; a sparse matrix as a full one.

    Raises:
        RecordingError: The file does not exist, is not a MATLAB file, is one of version 7.3 (which
            is HDF5), or is truncated.
    """
    try:
        with path.open("rb") as stream:
            begins_as_matlab = stream.read(6) == b"MATLAB"
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        variables = scipy.io.loadmat(str(path), appendmat=False)
    except NotImplementedError as error:
        raise RecordingError(
            f"{path}: a MATLAB file of version 7.3; save it again with save(..., '-v7')"
        ) from error
    except Exception as error:  # scipy raises a dozen unrelated types over a damaged file
        problem = "truncated or damaged" if begins_as_matlab else "not a MATLAB file"
        reason = " ".join(str(error).split())
        raise RecordingError(f"{path}: {problem} ({reason})") from error
    full = {
        name: value.toarray() if hasattr(value, "toarray") else value
        for name, value in variables.items()
    }
    return {
        name: value
        for name, value in full.items()
        if isinstance(value, np.ndarray) and not str(name).startswith("__")
    }
