"""The windows of a measurement that can be assessed."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bearing_stream import sampling
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from bearing_stream.wire import Rejection, RejectionReason

_EXACT: Final = (np.float32, np.int16)
"""Types whose samples are the same as float32: a window that varies does so still."""


class Cut(NamedTuple):
    """The windows of a measurement, without the flat ones.

    Args:
        samples: (k, 2048), k ≥ 1, finite as float32, none of them flat.
        defects: Of the measurement.
    """

    samples: NDArray[np.float32]
    defects: sampling.Defects


def is_window(samples: NDArray[Any], sampling_rate: float) -> bool:
    """Whether a measurement that is not flat is one window as it is, as most are."""
    return (
        len(samples) == WINDOW_LENGTH
        and sampling_rate == SAMPLING_RATE
        and samples.dtype.type in _EXACT
    )


def cut(samples: NDArray[Any], sampling_rate: float) -> Cut:
    """Cut a measurement into windows at 12 kHz; flat ones are left out, as `diagnose` does.

    Args:
        samples: (n,), finite and within float32, of at least one window, not all equal.
        sampling_rate: Hz.

    Raises:
        Rejection: No window varies, or resampling leaves the range of float32.
    """
    found = sampling.windows(samples, sampling_rate)
    if not found.varying.any():
        raise Rejection(
            RejectionReason.FLAT_LINE,
            f"expected a vibration, got {len(found.varying)} windows, and none of them varies",
        )
    if not np.isfinite(found.samples).all():
        raise Rejection(
            RejectionReason.NON_FINITE,
            "expected samples that stay within float32 when they are resampled to 12 kHz",
        )
    whole = found.varying.all()
    return Cut(found.samples if whole else found.samples[found.varying], found.defects)
