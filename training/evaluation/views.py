"""Ways of measuring a window's bearing lines: the options of the nested choice.

`model.physics` measures in one of these ways. The others are composed of the same steps.
"""

from typing import Final

import numpy as np
import scipy.fft

from model.physics import spectra
from model.physics.spectra import BIN, NARROW, Floats

_CHUNK: Final = 64

_BANDS: Final = {f"{low} Hz": low for low in range(0, 5001, 500)}
"""Views of a band of 1 kHz, by where it begins."""

VIEW_SETS: Final[dict[str, tuple[str, ...]]] = {
    "prewhitened, whitened, six bands": (
        "prewhitened",
        "whitened",
        *(f"{low} Hz" for low in range(0, 6000, 1000)),
    ),
    "full, prewhitened, whitened, five bands": (
        "full",
        "prewhitened",
        "whitened",
        *(f"{low} Hz" for low in range(0, 5000, 1000)),
    ),
    "whitened, six bands": ("whitened", *(f"{low} Hz" for low in range(0, 6000, 1000))),
    "six bands": tuple(f"{low} Hz" for low in range(0, 6000, 1000)),
    "five bands": tuple(f"{low} Hz" for low in range(0, 5000, 1000)),
    "eleven bands": tuple(_BANDS),
}
"""Views whose log envelope spectra are averaged; the first is that of `model.physics`."""


def envelopes(windows: Floats) -> dict[str, Floats]:
    """Return the log envelope spectrum (n, 288) of windows (n, 2048) by each of `VIEW_SETS`."""
    found = {name: np.empty((len(windows), NARROW.points), np.float32) for name in VIEW_SETS}
    for begin in range(0, len(windows), _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        views = _log_spectra(windows[chunk])
        for name, members in VIEW_SETS.items():
            found[name][chunk] = np.mean([views[member] for member in members], axis=0)
    return found


def _log_spectra(windows: Floats) -> dict[str, Floats]:
    """Return the log envelope spectrum (n, 288) of every view."""
    spectrum = scipy.fft.rfft(spectra.scaled(windows), axis=1)
    magnitude = np.abs(spectrum)
    envelopes = {
        "full": spectra.wide_envelope(spectrum),
        "prewhitened": spectra.wide_envelope(spectra.prewhitened(spectrum, magnitude)),
        "whitened": spectra.wide_envelope(spectra.whitened(spectrum, magnitude)),
    }
    for name, low in _BANDS.items():
        band = spectrum[:, round(low / BIN) : round((low + 1000) / BIN)]
        envelopes[name] = spectra.band_envelope(band)
    return {name: spectra.log_spectrum(envelope) for name, envelope in envelopes.items()}
