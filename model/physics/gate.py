"""How far the shape of a window's spectrum is from that of healthy windows."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.physics.spectra import BANDS, Floats

_HUM_BAND: Final = 8
"""4.0 to 4.5 kHz: the rig hums there with varying strength, independent of the bearing's state."""

_KEPT: Final = np.delete(np.arange(BANDS), _HUM_BAND)

SHAPE_BANDS: Final = len(_KEPT)
"""Bands that make up the shape of a spectrum."""


GATE: Final = 3.0
"""Distance, in sigmas, beyond which a window is not healthy. Healthy windows of four rigs reach it
in up to 0.6 %; the windows of faults begin at 4.4."""

SHAPE_NOISE: Final = 0.12
"""Standard deviation of a band's log power over healthy windows: 0.10 for white noise, 0.11 to 0.15
in most bands of four rigs."""


def band_shape(bands: Floats) -> NDArray[np.float64]:
    """Return the log powers (n, 11) of all bands but that of the hum, less their mean.

    Without its mean a window's gain and unit do not matter, as they do not to the network.

    Args:
        bands: (n, 12), as in `Spectra`.
    """
    kept = bands[:, _KEPT].astype(np.float64)
    shape: NDArray[np.float64] = kept - kept.mean(axis=1, keepdims=True)
    return shape


def distance(
    shape: NDArray[np.float64], mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the root mean square over the bands, the last axis, of the deviations, in sigmas."""
    rms: NDArray[np.float64] = np.sqrt(np.square((shape - mean) / deviation).mean(axis=-1))
    return rms
