"""Squared-envelope spectra and band powers of windows.

A damaged race is struck at a steady rate, and each strike excites the resonances of the structure.
The rate shows as lines in the spectrum of the squared envelope (Randall and Antoni
2011, doi 10.1016/j.ymssp.2010.07.017). The resonant band is not known beforehand and differs from
fault to fault, so the logarithms of the spectra of several views of a window are averaged: a peak
at the same frequency in many of them is a line, and a peak in one of them is noise.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from model.backends.native import NativeError
from model.physics.native import NativeSpectra

_log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Complex = NDArray[np.complex64]

BIN: Final = SAMPLING_RATE / WINDOW_LENGTH
"""Hz from one bin of a window's spectrum to the next: 5.86."""

FINENESS: Final = 4
"""Points of the envelope spectrum in a bin. A line lies anywhere between bins: with one point a
bin, a fifth of the races that show at four points are missed."""

STEP: Final = BIN / FINENESS
"""Hz from one point of the envelope spectrum to the next: 1.46."""

BANDS: Final = 12
"""Bands of 500 Hz whose power is measured."""

_EDGES: Final = np.linspace(0, WINDOW_LENGTH // 2, BANDS + 1).round().astype(np.int64)
"""First bin of each band, and the one after the last."""

_VIEW_BANDS: Final = tuple(
    (round(low / BIN), round((low + 1000) / BIN)) for low in range(0, 6000, 1000)
)
"""First bin and the one after the last of the band views, 1 kHz each."""

_SMOOTHING: Final = 33
"""Bins (193 Hz) of the running mean that a magnitude spectrum is whitened by: wider than the
spacing of a bearing's lines, narrower than a resonance."""

_FULL_SAMPLES: Final = 1280
"""Samples of a full-band view's envelope: aliases lie above bin 255."""

_CHUNK: Final = 64
"""Windows measured at a time, so that intermediate results stay in a core's cache."""

_TOLERANCE: Final = 0.01
"""Of the log spectra in C and in NumPy, both float32. They are 1e-3 apart at 0 Hz, where the mean
was subtracted, and 1e-5 elsewhere."""

_TINY: Final = np.float32(1e-30)
"""Added to powers before the logarithm, so that a flat window has finite spectra."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How far an envelope spectrum is read.

    Args:
        samples: Of the envelope of each view. A band of 1 kHz has an envelope up to bin 170, and
            what lies beyond half of the samples aliases: with n samples, above bin n - 171.
        points: Of the envelope spectrum that are computed, from 0 Hz.
    """

    samples: int
    points: int


NARROW: Final = Reading(256, 288)
"""Up to 420 Hz, free of aliases: three times BPFO of a small bearing at 1,800 rpm, and 59 Hz of
noise floor."""

WIDE: Final = Reading(384, 724)
"""Up to 1,060 Hz, for fast shafts and many rolling elements; takes 1.3 times as long. Near 1 kHz
only the views of the full band have something to show."""


@dataclass(frozen=True, slots=True, eq=False)
class Spectra:
    """Spectra of n windows.

    Args:
        envelope: (n, points) float32, mean over the views of the natural logarithm of the squared
            envelope's power spectrum, at 0, 1.46, 2.93 … Hz. Only differences along a row are
            meaningful.
        bands: (n, 12) float32, natural logarithm of the mean power in 0-500, 500-1000 … Hz
            of the window scaled to a span of 2.
    """

    envelope: Floats
    bands: Floats


def spectra(windows: Floats, reading: Reading = NARROW) -> Spectra:
    """Measure windows: in C where that was built, else as `plain_spectra`.

    Args:
        windows: (n, 2048) float32 at 12 kHz, finite, any unit.
        reading: How far the envelope spectrum is read.
    """
    native = native_spectra(reading)
    return Spectra(*native.measure(windows)) if native else plain_spectra(windows, reading)


@cache
def native_spectra(reading: Reading) -> NativeSpectra | None:
    """Return the spectra in C, checked against those in NumPy; None where C cannot be used."""
    try:
        native = NativeSpectra(
            reading.samples, reading.points, _FULL_SAMPLES, FINENESS, _EDGES, _VIEW_BANDS
        )
    except NativeError:
        # The network's backend reports it.
        return None
    windows = np.random.default_rng(0).standard_normal((20, WINDOW_LENGTH)).astype(np.float32)
    expected = plain_spectra(windows, reading)
    apart = [
        float(np.abs(one - other).max())
        for one, other in zip(
            native.measure(windows), (expected.envelope, expected.bands), strict=True
        )
    ]
    if max(apart) <= _TOLERANCE:
        return native
    _log.warning("computing spectra with NumPy: those in C are %.1e apart", max(apart))
    return None


def plain_spectra(windows: Floats, reading: Reading = NARROW) -> Spectra:
    """Measure windows in NumPy; one transform of each serves all its views.

    Arguments as for `spectra`.
    """
    envelope = np.empty((len(windows), reading.points), np.float32)
    bands = np.empty((len(windows), BANDS), np.float32)
    for begin in range(0, len(windows), _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        spectrum = scipy.fft.rfft(scaled(windows[chunk]), axis=1, overwrite_x=True)
        # The mean that remains is rounding error; whitening would amplify it.
        spectrum[:, 0] = 0
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        envelope[chunk] = _mean_log_spectrum(
            _views(spectrum, np.sqrt(power), reading.samples), reading.points
        )
        bands[chunk] = _band_powers(power)
    return Spectra(envelope, bands)


def scaled(windows: Floats) -> Floats:
    """Return windows (n, 2048) with mean 0 that span 2; float32 holds their squares in any unit.

    Args:
        windows: (n, 2048), finite, any unit; a flat one becomes zeros.
    """
    high, low = windows.max(axis=1, keepdims=True), windows.min(axis=1, keepdims=True)
    half = np.maximum(high / 2 - low / 2, np.finfo(np.float32).tiny)
    centred: Floats = windows - (high / 2 + low / 2)
    centred /= half
    centred -= centred.mean(axis=1, keepdims=True)
    return centred


def _mean_log_spectrum(squared_envelopes: Iterable[Floats], points: int) -> Floats:
    """Return the mean over views of their log envelope spectra, (n, points)."""
    spectra_of_views = [log_spectrum(squared, points) for squared in squared_envelopes]
    mean: Floats = sum(spectra_of_views[1:], start=spectra_of_views[0])
    mean /= len(spectra_of_views)
    return mean


def _views(spectrum: Complex, magnitude: Floats, samples: int) -> Iterator[Floats]:
    """Yield the squared envelopes (n, samples) of each view of the windows."""
    yield wide_envelope(prewhitened(spectrum, magnitude), samples)
    yield wide_envelope(whitened(spectrum, magnitude), samples)
    for first, end in _VIEW_BANDS:
        yield band_envelope(spectrum[:, first:end], samples)


def prewhitened(spectrum: Complex, magnitude: Floats) -> Complex:
    """Return spectra divided by their magnitude.

    This is cepstrum prewhitening (Borghesani et al. 2013, doi 10.1016/j.ymssp.2012.11.001): only
    the phase remains, and shaft and gear lines are removed.

    Args:
        spectrum: (n, 1025), of the windows' real transform.
        magnitude: (n, 1025), of the spectra.
    """
    white: Complex = spectrum * (1 / (magnitude + _TINY))
    return white


def whitened(spectrum: Complex, magnitude: Floats) -> Complex:
    """Return spectra divided by their smoothed magnitude: this levels resonances and keeps lines.

    Args:
        spectrum: (n, 1025), of the windows' real transform.
        magnitude: (n, 1025), of the spectra.
    """
    white: Complex = spectrum * (1 / (_smoothed(magnitude) + _TINY))
    return white


def wide_envelope(spectrum: Complex, samples: int = NARROW.samples) -> Floats:
    """Return the squared envelope (n, samples) of the full band, as far as that resolves it.

    Args:
        spectrum: (n, 1025), of the windows' real transform, whitened or not.
        samples: Of the envelope.
    """
    bins = scipy.fft.rfft(_squared_envelope(spectrum, _FULL_SAMPLES), axis=1)[:, : samples // 2]
    lowered: Floats = scipy.fft.irfft(bins, samples, axis=1)
    return lowered


def band_envelope(band: Complex, samples: int = NARROW.samples) -> Floats:
    """Return the squared envelope (n, samples) of a band of up to 1 kHz.

    Args:
        band: (n, up to 171), its bins out of the spectrum.
        samples: Of the envelope.
    """
    return _squared_envelope(band, samples)


def _squared_envelope(band: Complex, samples: int) -> Floats:
    """Return the squared magnitude of the analytic signal of a band, shifted to 0 Hz."""
    analytic = scipy.fft.ifft(band, samples, axis=1)
    squared: Floats = np.square(analytic.real)
    squared += np.square(analytic.imag)
    return squared


def log_spectrum(squared_envelope: Floats, points: int = NARROW.points) -> Floats:
    """Return the natural logarithm of the power (n, points) of envelopes, four points a bin.

    Args:
        squared_envelope: (n, samples), as `wide_envelope` and `band_envelope` return it, any unit.
        points: Of the spectrum, from 0 Hz.
    """
    mean = squared_envelope.mean(axis=1, keepdims=True)
    # Relative to its mean, so that the constant added below is equally small for any unit.
    relative = squared_envelope * (1 / (mean + _TINY))
    relative -= 1
    # No taper: a window holds only 18 strikes, and a taper's wider lines lose more than its lower
    # side lobes gain.
    samples = squared_envelope.shape[1]
    bins = scipy.fft.rfft(relative, FINENESS * samples, axis=1)[:, :points]
    power: Floats = np.square(bins.real)
    power += np.square(bins.imag)
    power += np.float32(1e-6)
    return np.log(power, out=power)


def _smoothed(magnitude: Floats) -> Floats:
    """Return the running mean of magnitudes over 33 bins; the ends repeat the first and last."""
    half = _SMOOTHING // 2
    smoothed: Floats = uniform_filter1d(magnitude, _SMOOTHING, axis=1)
    smoothed[:, :half], smoothed[:, -half:] = smoothed[:, [half]], smoothed[:, [-half - 1]]
    # Between pure tones there is no power, and rounding may leave less than none.
    np.maximum(smoothed, np.float32(1e-5) * magnitude.mean(axis=1, keepdims=True), out=smoothed)
    return smoothed


def _band_powers(power: Floats) -> Floats:
    """Return the log mean power (n, 12) of bands of 500 Hz."""
    sums = np.add.reduceat(power[:, :-1], _EDGES[:-1], axis=1)
    return np.log(sums / np.diff(_EDGES).astype(np.float32) + _TINY)
