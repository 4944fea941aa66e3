"""Standardisation: the preprocessing of windows for the network."""

import torch
from torch import Tensor


def standardise(windows: Tensor) -> Tensor:
    """Standardise each window: minus its mean, over its sample standard deviation (n - 1).

    The result does not depend on the scale or the offset of a window. Each window is first scaled
    to a peak between 0.5 and 1 by a power of two, which is exact, so that neither the sum nor the
    squares of a float32 window of 1e30 or 1e-30 leave the range of float32. The mean is
    subtracted twice, because the first subtraction leaves its own rounding error: 6e-5 standard
    deviations for a window with an offset of 100.

    A flat window, which has no standard deviation, becomes zeros. A window with a sample that is
    not finite becomes NaN throughout.

    Args:
        windows: (n, samples), float32 or float64, any unit.

    Returns:
        (n, samples), float32, of mean 0 and standard deviation 1.
    """
    low, high = windows.amin(dim=1, keepdim=True), windows.amax(dim=1, keepdim=True)
    peak = torch.maximum(-low, high)
    power_of_two = torch.frexp(peak).mantissa / peak
    # The reciprocal of a subnormal number overflows, and 0/0 is NaN.
    power_of_two = power_of_two.clamp(max=1 / torch.finfo(windows.dtype).tiny)
    # `where` would copy its numbers to a GPU, and wait for that.
    scaled = windows * power_of_two.masked_fill_(peak <= 0, 1)
    scaled -= scaled.mean(dim=1, keepdim=True)
    scaled -= scaled.mean(dim=1, keepdim=True)
    deviation = (
        torch.linalg.vector_norm(scaled, dim=1, keepdim=True) / (windows.shape[1] - 1) ** 0.5
    )
    scaled *= deviation.reciprocal_().masked_fill_(low == high, 0)
    return scaled.to(torch.float32)
