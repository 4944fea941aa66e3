"""Synthetic windows: a healthy machine, a damaged one, and wrong signals."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from model.physics.bearing import DRIVE_END

Floats = NDArray[np.float32]
RPM = 1772.0
RING = [1, -1.2, 0.9]
"""An all-pole path that rings at 1.7 kHz."""


def noise(count: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((count, WINDOW_LENGTH))


def healthy(count: int, seed: int = 0) -> Floats:
    """Noise through the path of a machine."""
    return np.asarray(lfilter([1], RING, noise(count, seed)), np.float32)


def struck(count: int, order: float, rpm: float = RPM, seed: int = 1) -> Floats:
    """The same machine, struck `order` times a turn."""
    rng = np.random.default_rng(seed)
    excitation = noise(count, seed)
    interval = SAMPLING_RATE * 60 / rpm / order
    for row in excitation:
        times = np.arange(rng.uniform(0, interval), WINDOW_LENGTH, interval)
        times += rng.normal(0, 0.005 * interval, times.size)
        row[np.clip(times.astype(int), 0, WINDOW_LENGTH - 1)] += 15
    return np.asarray(lfilter([1], RING, excitation), np.float32)


OUTER, INNER, BALL = DRIVE_END.outer, DRIVE_END.inner, 2 * DRIVE_END.ball_spin


def hum(hertz: float, noise_share: float = 0.1) -> Floats:
    """Two hundred windows of a mains tone at any phase, and some noise."""
    phases = np.random.default_rng(2).uniform(0, 2 * np.pi, (200, 1))
    tone = np.sin(2 * np.pi * hertz * np.arange(WINDOW_LENGTH) / SAMPLING_RATE + phases)
    return np.asarray(tone + noise_share * noise(200), np.float32)


def jumped(windows: Floats, deviations: float) -> Floats:
    """The windows, with a step of their mean by so many standard deviations."""
    place = np.random.default_rng(3).integers(200, WINDOW_LENGTH - 200, (len(windows), 1))
    step = np.arange(WINDOW_LENGTH) >= place
    return np.asarray(windows + deviations * windows.std(axis=1, keepdims=True) * step, np.float32)


def dropped(windows: Floats, samples: int, held: bool) -> Floats:
    """The windows, in which this many samples in a row hold the last good value or zero."""
    changed = windows.copy()
    for row, place in zip(
        changed,
        np.random.default_rng(4).integers(1, WINDOW_LENGTH - samples, len(windows)),
        strict=True,
    ):
        row[place : place + samples] = row[place - 1] if held else 0
    return changed


def clipped(windows: Floats, share: float) -> Floats:
    """The windows, in which this share of the samples is clipped."""
    limit = np.quantile(np.abs(windows), 1 - share, axis=1, keepdims=True).astype(np.float32)
    return np.clip(windows, -limit, limit)
