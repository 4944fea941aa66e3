"""The number formats of samples: packed for the wire, and unpacked."""

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

SampleFormat = Literal["float32-le", "float64-le", "int16-le", "int24-le", "int32-le"]

SAMPLE_DTYPES: Final[dict[SampleFormat, np.dtype[Any]]] = {
    "float32-le": np.dtype("<f4"),
    "float64-le": np.dtype("<f8"),
    "int16-le": np.dtype("<i2"),
    "int24-le": np.dtype("<i4"),
    "int32-le": np.dtype("<i4"),
}
"""Type in memory of each sample format. On the wire it is the same, little-endian and one channel;
only `int24-le` has three bytes there."""

SAMPLE_BYTES: Final[dict[SampleFormat, int]] = {
    name: 3 if name == "int24-le" else dtype.itemsize for name, dtype in SAMPLE_DTYPES.items()
}
"""Bytes of a sample on the wire."""

_INT24_LIMIT: Final = 1 << 23


def pack(samples: NDArray[Any], sample_format: SampleFormat) -> bytes:
    """Return samples as they are on the wire; they are cast, not scaled.

    Raises:
        ValueError: A sample is out of the range of `int24-le`.
    """
    cast = np.ascontiguousarray(samples, dtype=SAMPLE_DTYPES[sample_format])
    if sample_format != "int24-le":
        return cast.tobytes()
    if cast.size and not -_INT24_LIMIT <= cast.min() <= cast.max() < _INT24_LIMIT:
        raise ValueError(
            f"expected samples of 24 bits, from {-_INT24_LIMIT} to {_INT24_LIMIT - 1}, got "
            f"{cast.min()} to {cast.max()}"
        )
    return cast.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def unpack(value: bytes, sample_format: SampleFormat) -> NDArray[Any]:
    """Return the samples (n,) of a value, in the type of `SAMPLE_DTYPES`.

    They are a read-only view of the value where that has the same layout.

    Args:
        value: Of n · `SAMPLE_BYTES` bytes.
        sample_format: The value's.
    """
    if sample_format != "int24-le":
        return np.frombuffer(value, SAMPLE_DTYPES[sample_format])
    # Into the upper three bytes: shifting down extends the sign.
    widened = np.zeros((len(value) // 3, 4), np.uint8)
    widened[:, 1:] = np.frombuffer(value, np.uint8).reshape(-1, 3)
    return widened.view("<i4").reshape(-1) >> 8
