"""Quality flags of a window's signal, before it is scaled: a closed list of checks.

Each check computes a number relative to the window itself, so that neither unit nor gain matters,
and compares it with a limit.
"""

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from model.grouping import Grouping
from model.limits import SignalLimits
from model.statistics import BLOCK_SAMPLES, BLOCKS, LEVEL, Statistics, statistics

SignalFlag = Literal["clipping", "dropout", "jump", "mains-hum"]
"""Faults of a signal of the right length and rate whose samples are all finite."""

SIGNAL_FLAGS: Final[tuple[SignalFlag, ...]] = get_args(SignalFlag)
"""In the order of the columns of `signal_flags`: the first of `vocabulary.QUALITY_FLAGS`."""

_ANY: Final = np.finfo(np.float32).tiny
"""Share of windows that is above none."""

_HALF: Final = np.float32(0.5)
"""Share of windows."""

_HUM: Final = SIGNAL_FLAGS.index("mains-hum")
"""The last column: while windows are checked, there is one here for each mains tone."""

Floats = NDArray[np.float32]

_MAINS: Final = (50.0, 60.0)
"""Hz."""

_SHAFT_ORDERS: Final = np.array([1.0, 2.0])
"""Of the tones that a healthy shaft makes: of its imbalance, and of its alignment."""

_RESOLUTION: Final = SAMPLING_RATE / WINDOW_LENGTH
"""Hz, 5.9: from a mains frequency to the first zero of a window's spectrum around it. Of a tone at
least so far away, at most 4.7 % of the power, the highest side lobe of a rectangular window (Harris
1978, Proceedings of the IEEE 66), counts as hum. At the default limit a pure tone passes for hum up
to 3.8 Hz away, so that a stated speed may be off by 3.5 %."""


def signal_flags(
    windows: Floats | Statistics,
    limits: SignalLimits,
    full_scale: NDArray[np.float64] | None = None,
    rpm: NDArray[np.float64] | None = None,
    grouping: Grouping | None = None,
) -> NDArray[np.bool_]:
    """Return the signal flags of each window.

    Clipping and dropout are exact, and do not depend on the rest of the batch. Jump and mains hum
    do not either, unless the share of power is at its limit to within rounding.

    Args:
        windows: (n, 2048) float32 at 12 kHz, finite, any unit; or their statistics, with runs from
            `limits.dropout_samples` on.
        limits: Beyond which a flag is set.
        full_scale: (n,), the sensor's, in the unit of the windows: a window that reaches it is
            clipped. NaN where unknown. No sensor exceeds it: it is ignored for a window that does,
            which is in another unit or was measured at another gain.
        rpm: (n,), shaft speeds, NaN where unknown. Where once or twice the speed is nearer to a
            mains frequency than a window resolves, a tone there is taken for the shaft's.
        grouping: Of the windows into measurements; None for one each. A shaft's tone lasts: one in
            less than half of the windows of a measurement is hum at any speed.

    Returns:
        (n, 4), columns as in `SIGNAL_FLAGS`. A flat window is a dropout, and has no other flag.
    """
    if not isinstance(windows, Statistics):
        windows = statistics(windows, limits.dropout_samples)
    found = _flags(windows, limits, full_scale)
    hums = found[:, _HUM:]
    if rpm is not None and hums.any():
        grouping = grouping or Grouping.of(len(hums))
        lasting = grouping.repeat(grouping.share(hums) >= _HALF)
        hums &= ~(lasting & _turns_at_mains(rpm))
    found[:, _HUM] = hums.any(axis=1)
    return found[:, : len(SIGNAL_FLAGS)]


def measurement_flags(flags: NDArray[np.bool_], grouping: Grouping) -> NDArray[np.bool_]:
    """Return the signal flags (m, 4) of measurements from those of their windows (n, 4).

    A dropout never occurs by chance: in any window it shows a defect of the sensor or its cable.
    Half of the windows must show the others: one in five hundred of a healthy machine does, in a
    slow wobble or where two samples equal the extremes, and a measurement has many windows.
    """
    if grouping.single:
        return flags
    needed = [_ANY if flag == "dropout" else _HALF for flag in SIGNAL_FLAGS]
    return np.asarray(grouping.share(flags) >= needed)


def _flags(
    found: Statistics, limits: SignalLimits, full_scale: NDArray[np.float64] | None
) -> NDArray[np.bool_]:
    """Return the signal flags of windows (n, 5), hum by mains tone."""
    high, low = found.high, found.low
    middle, half = high / 2 + low / 2, high / 2 - low / 2
    # Extremes that are equally far from zero, even if each is reached once, are an amplifier's.
    clipped = np.abs(middle) <= np.float32(LEVEL) * half
    clipped |= _reaches(np.maximum(high, -low), full_scale)
    clipped |= found.at_level - 2 >= limits.clipping_samples
    step, hums = _slow_shares(found)
    flags = np.empty((len(high), _HUM + len(_MAINS)), np.bool_)
    flags[:, 0] = clipped
    flags[:, 1] = found.longest_run >= limits.dropout_samples
    flags[:, 2] = step > limits.jump_share
    flags[:, _HUM:] = hums > limits.mains_hum_share
    flags[half == 0] = np.arange(flags.shape[1]) == SIGNAL_FLAGS.index("dropout")
    return flags


def _turns_at_mains(rpm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each mains tone (n, 2) may be that of a shaft at this speed (n,)."""
    shaft = rpm[:, None, None] / 60 * _SHAFT_ORDERS
    near: NDArray[np.bool_] = (np.abs(shaft - np.array(_MAINS)[:, None]) < _RESOLUTION).any(axis=2)
    return near


def _reaches(peak: Floats, full_scale: NDArray[np.float64] | None) -> NDArray[np.bool_]:
    """Return whether the peak (n,) of a window is at the full scale of its sensor."""
    if full_scale is None:
        return np.zeros(len(peak), np.bool_)
    reached: NDArray[np.bool_] = np.abs(peak - full_scale) <= LEVEL * full_scale
    return reached


def _slow_shares(found: Statistics) -> tuple[Floats, Floats]:
    """Return the shares of power of the best fitting step (n,) and of the mains tones (n, 2)."""
    offset = found.means.mean(axis=1, keepdims=True)
    means = found.means - offset
    power = found.square - np.square(offset[:, 0] - found.middle) + np.finfo(np.float32).tiny
    step = (np.square(np.cumsum(means, axis=1)[:, :-1]) * _STEP_WEIGHTS).max(axis=1)
    tones = np.square(means @ _TONES)
    hums: Floats = tones[:, ::2] + tones[:, 1::2]
    return step / power, hums / power[:, None]


def _step_weights() -> Floats:
    """Return the factors from the squared sum of the first k of 64 deviations to a step's power.

    Of the steps after block k, the one that fits best has the power s² / (k·(64 - k)), s being the
    sum: the decrease of the sum of squares if each side has its own mean, over 64.
    """
    k = np.arange(1, BLOCKS)
    return (1 / (k * (BLOCKS - k))).astype(np.float32)


def _tones() -> Floats:
    """Return the cosines and sines (64, 4) that give the mean square of each mains tone.

    A mean over a block attenuates a tone; the scale compensates for it.
    """
    frequency = np.array(_MAINS)
    times = (np.arange(BLOCKS) + 0.5) * BLOCK_SAMPLES / SAMPLING_RATE
    gain = np.sinc(frequency * BLOCK_SAMPLES / SAMPLING_RATE)
    phase = 2 * np.pi * times[:, None] * frequency
    scale = np.sqrt(2) / BLOCKS / gain
    tones = np.stack([np.cos(phase) * scale, np.sin(phase) * scale], axis=2)
    return tones.reshape(BLOCKS, -1).astype(np.float32)


_STEP_WEIGHTS: Final = _step_weights()
_TONES: Final = _tones()
