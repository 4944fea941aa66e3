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

_BLOCKS: Final = 64
"""Blocks of a window whose means show slow components: jumps, and hum up to 187 Hz."""

_SAMPLES: Final = WINDOW_LENGTH // _BLOCKS
"""Samples in a block."""

_MAINS: Final = (50.0, 60.0)
"""Hz."""

_SHAFT_ORDERS: Final = np.array([1.0, 2.0])
"""Of the tones that a healthy shaft makes: of its imbalance, and of its alignment."""

_RESOLUTION: Final = SAMPLING_RATE / WINDOW_LENGTH
"""Hz, 5.9: from a mains frequency to the first zero of a window's spectrum around it. Of a tone at
least so far away, at most 4.7 % of the power, the highest side lobe of a rectangular window (Harris
1978, Proceedings of the IEEE 66), counts as hum. At the default limit a pure tone passes for hum up
to 3.8 Hz away, so that a stated speed may be off by 3.5 %."""

_CHUNK: Final = 64
"""Windows checked at a time, so that intermediate results stay in a core's cache."""

_SMALL, _LARGE = np.float32(1e-15), np.float32(1e15)
"""Half spans whose squares float32 holds well; windows beyond are scaled to 1 first."""

_LEVEL: Final = 1e-4
"""Of half the span: samples within it are at the same level, to one step of 14 bits."""


def signal_flags(
    windows: Floats,
    limits: SignalLimits,
    full_scale: NDArray[np.float64] | None = None,
    rpm: NDArray[np.float64] | None = None,
    grouping: Grouping | None = None,
) -> NDArray[np.bool_]:
    """Return the signal flags of each window.

    Clipping and dropout are exact, and do not depend on the rest of the batch. Jump and mains hum
    do not either, unless the share of power is at its limit to within rounding.

    Args:
        windows: (n, 2048) float32 at 12 kHz, finite, any unit.
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
    found = np.empty((len(windows), _HUM + len(_MAINS)), np.bool_)
    for begin in range(0, len(windows), _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        scales = None if full_scale is None else full_scale[chunk]
        _write_flags(windows[chunk], limits, scales, found[chunk])
    hums = found[:, _HUM:]
    if rpm is not None and hums.any():
        grouping = grouping or Grouping.of(len(windows))
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


def _write_flags(
    windows: Floats,
    limits: SignalLimits,
    full_scale: NDArray[np.float64] | None,
    found: NDArray[np.bool_],
) -> None:
    """Write the signal flags of windows into the rows of `found`, hum by mains tone."""
    high, low = windows.max(axis=1), windows.min(axis=1)
    middle, half = high / 2 + low / 2, high / 2 - low / 2
    # Extremes that are equally far from zero, even if each is reached once, are an amplifier's.
    clipped = np.abs(middle) <= np.float32(_LEVEL) * half
    clipped |= _reaches(np.maximum(high, -low), full_scale)
    extreme = (half < _SMALL) | (half > _LARGE)
    if extreme.any():
        # Scaling changes the rounding: the flags of other windows must not depend on these.
        windows = windows.copy()
        windows[extreme], middle[extreme], half[extreme] = _scaled(
            windows[extreme], middle[extreme], half[extreme]
        )
    squares = windows - middle[:, None]
    squares *= squares
    clipped |= _repeats_a_level(squares, half, limits.clipping_samples)
    step, hums = _slow_shares(windows, squares, middle)
    found[:, 0] = clipped
    found[:, 1] = _holds_still(windows, limits.dropout_samples)
    found[:, 2] = step > limits.jump_share
    found[:, _HUM:] = hums > limits.mains_hum_share
    found[half == 0] = np.arange(found.shape[1]) == SIGNAL_FLAGS.index("dropout")


def _turns_at_mains(rpm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each mains tone (n, 2) may be that of a shaft at this speed (n,)."""
    shaft = rpm[:, None, None] / 60 * _SHAFT_ORDERS
    near: NDArray[np.bool_] = (np.abs(shaft - np.array(_MAINS)[:, None]) < _RESOLUTION).any(axis=2)
    return near


def _reaches(peak: Floats, full_scale: NDArray[np.float64] | None) -> NDArray[np.bool_]:
    """Return whether the peak (n,) of a window is at the full scale of its sensor."""
    if full_scale is None:
        return np.zeros(len(peak), np.bool_)
    reached: NDArray[np.bool_] = np.abs(peak - full_scale) <= _LEVEL * full_scale
    return reached


def _scaled(windows: Floats, middle: Floats, half: Floats) -> tuple[Floats, Floats, Floats]:
    """Return windows, middles and half spans such that squares neither underflow nor overflow."""
    flat = half == 0
    scaled = windows - middle[:, None]
    scaled /= np.where(flat, np.float32(1), half)[:, None]
    return scaled, np.zeros_like(middle), np.where(flat, 0, 1).astype(np.float32)


def _repeats_a_level(squares: Floats, half: Floats, samples: int) -> NDArray[np.bool_]:
    """Return whether a window (n,) has this many samples at its extremes beyond one at each."""
    at_a_level = squares >= np.square(half * np.float32(1 - _LEVEL))[:, None]
    return np.asarray(_count(at_a_level) - 2 >= samples)


def _count(marks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the marks of each row (n, 2048), up to 255 of each eighth.

    Eight marks are added at a time, as the bytes of one integer: a tenth of the time of `sum`.
    """
    eights = np.add.reduce(marks.view(np.uint64), axis=1, keepdims=True)
    counts: NDArray[np.int64] = eights.view(np.uint8).sum(axis=1, dtype=np.int64)
    return counts


def _holds_still(windows: Floats, samples: int) -> NDArray[np.bool_]:
    """Return whether a window (n,) holds a value for this many samples in a row.

    Every such run contains three samples that are a third of its length apart. Few windows have
    three such samples that are equal, and only those are checked sample by sample.
    """
    stride = max(samples // 3, 1)
    apart = windows[:, ::stride]
    equal = apart[:, 1:] == apart[:, :-1]
    held: NDArray[np.bool_] = (equal[:, 1:] & equal[:, :-1]).any(axis=1)
    if held.any():
        held[held] = _longest_run(windows[held]) >= samples
    return held


def _longest_run(windows: Floats) -> NDArray[np.int64]:
    """Return the length (n,) of the longest run of equal samples in a row."""
    changed = np.ones((len(windows), windows.shape[1] + 1), np.bool_)
    changed[:, 1:-1] = windows[:, 1:] != windows[:, :-1]
    row, begin = np.nonzero(changed)
    longest = np.zeros(len(windows), np.int64)
    lengths = np.diff(begin, append=0)
    np.maximum.at(longest, row, lengths)
    return longest


def _slow_shares(windows: Floats, squares: Floats, middle: Floats) -> tuple[Floats, Floats]:
    """Return the shares of power of the best fitting step (n,) and of the mains tones (n, 2)."""
    # A product with equal weights is the mean of each block, five times as fast as `mean`.
    means = (windows.reshape(-1, _SAMPLES) @ _BLOCK_WEIGHTS).reshape(-1, _BLOCKS)
    offset = means.mean(axis=1, keepdims=True)
    means -= offset
    mean_square = squares @ _EQUAL_WEIGHTS
    power = mean_square - np.square(offset[:, 0] - middle) + np.finfo(np.float32).tiny
    step = (np.square(np.cumsum(means, axis=1)[:, :-1]) * _STEP_WEIGHTS).max(axis=1)
    tones = np.square(means @ _TONES)
    hums: Floats = tones[:, ::2] + tones[:, 1::2]
    return step / power, hums / power[:, None]


def _step_weights() -> Floats:
    """Return the factors from the squared sum of the first k of 64 deviations to a step's power.

    Of the steps after block k, the one that fits best has the power s² / (k·(64 - k)), s being the
    sum: the decrease of the sum of squares if each side has its own mean, over 64.
    """
    k = np.arange(1, _BLOCKS)
    return (1 / (k * (_BLOCKS - k))).astype(np.float32)


def _tones() -> Floats:
    """Return the cosines and sines (64, 4) that give the mean square of each mains tone.

    A mean over a block attenuates a tone; the scale compensates for it.
    """
    frequency = np.array(_MAINS)
    times = (np.arange(_BLOCKS) + 0.5) * _SAMPLES / SAMPLING_RATE
    gain = np.sinc(frequency * _SAMPLES / SAMPLING_RATE)
    phase = 2 * np.pi * times[:, None] * frequency
    scale = np.sqrt(2) / _BLOCKS / gain
    tones = np.stack([np.cos(phase) * scale, np.sin(phase) * scale], axis=2)
    return tones.reshape(_BLOCKS, -1).astype(np.float32)


_BLOCK_WEIGHTS: Final = np.full(_SAMPLES, 1 / _SAMPLES, np.float32)
_EQUAL_WEIGHTS: Final = np.full(WINDOW_LENGTH, 1 / WINDOW_LENGTH, np.float32)
_STEP_WEIGHTS: Final = _step_weights()
_TONES: Final = _tones()
