"""Read the samples of many measurements at once, where each is one window as it is."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from bearing_stream.wire import headers as h
from bearing_stream.wire.decoder import is_finite
from bearing_stream.wire.measurement import MeasurementAttributes
from bearing_stream.wire.misencoded import is_suspect
from bearing_stream.wire.samples import SAMPLE_BYTES, SAMPLE_DTYPES, SampleFormat

_EXACT: Final[dict[str, int]] = {
    name: WINDOW_LENGTH * SAMPLE_BYTES[name] for name in ("float32-le", "int16-le")
}
"""Bytes of a window in the formats whose samples are the same as float32: a window that varies does
so still."""


def is_window(attributes: MeasurementAttributes, value: bytes | None) -> bool:
    """Whether a value is as long as one window that needs no resampling, as most are."""
    return (
        value is not None
        and len(value) == _EXACT.get(attributes.sample_format)
        and attributes.sampling_rate == SAMPLING_RATE
        and attributes.content_type == h.BINARY
    )


def copy_windows(
    values: Sequence[bytes], sample_format: SampleFormat, target: NDArray[np.float32]
) -> bool:
    """Copy the samples of values, and check them together: in a third of the time of one by one.

    Args:
        values: Of n measurements of which `is_window` is true.
        sample_format: Of all of them.
        target: (n, 2048); overwritten.

    Returns:
        Whether the decoder accepts all of them. Where it may not, it has to be asked about each:
        what is wrong with a measurement is found, and worded, in one place.
    """
    dtype = SAMPLE_DTYPES[sample_format]
    if dtype == target.dtype:
        raw, size = target.reshape(-1).view(np.uint8).data, WINDOW_LENGTH * dtype.itemsize
        for begin, value in zip(range(0, len(raw), size), values, strict=True):
            raw[begin : begin + size] = value
    else:
        target[:] = np.frombuffer(b"".join(values), dtype).reshape(target.shape)
    if dtype.kind == "f" and not is_finite(target):
        return False
    # The first two samples hardly ever are equal.
    return not (target[:, 0] == target[:, 1]).any() and not any(map(is_suspect, values))
