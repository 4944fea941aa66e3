"""The windows of a measurement that can be assessed."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bearing_stream import sampling
from bearing_stream.wire import Rejection, RejectionReason


class Cut(NamedTuple):
    """The windows of a measurement, without the flat ones.

    Args:
        samples: (k, 2048), k ≥ 1, finite as float32, none of them flat.
        defects: Of the measurement.
    """

    samples: NDArray[np.float32]
    defects: sampling.Defects


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
