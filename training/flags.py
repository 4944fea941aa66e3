"""Shares of flagged windows among signals that cannot be diagnosed, and among good ones."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings import RecordingError
from bearing_stream.recordings.files import read_file
from bearing_stream.vocabulary import FAULT_LABELS, SAMPLING_RATE, WINDOW_LENGTH
from model.diagnoser import Diagnoser
from model.limits import SignalLimits
from model.quality import signal_flags
from training.card import Flagged
from training.windows import LabelledWindows

_COUNT: Final = 400
"""Windows of each synthetic signal."""

_AT_48_KHZ: Final = "97.mat"
"""A healthy recording at its original 48 kHz."""


def spoiled(
    windows: NDArray[np.float32], generator: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Return synthetic signals that are no bearing at 12 kHz, or a bearing badly measured.

    Args:
        windows: (n, 2048), good ones.
        generator: Of all that is random.

    Returns:
        (n, 2048) windows by name.
    """
    clean = windows.astype(np.float64)
    count = len(clean)
    time = np.arange(WINDOW_LENGTH)
    deviation = clean.std(axis=1, keepdims=True)
    noise = generator.standard_normal(clean.shape)
    phase = generator.uniform(0, 2 * np.pi, (count, 1))
    hum = np.sin(2 * np.pi * 60 / SAMPLING_RATE * time + phase)
    after = time >= generator.integers(200, WINDOW_LENGTH - 200, (count, 1))
    begin = generator.integers(1, WINDOW_LENGTH - 256, (count, 1))
    lost = (time >= begin) & (time < begin + 256)
    peak = np.abs(clean).max(axis=1, keepdims=True)
    signals = {
        "white noise": noise,
        "60 Hz hum": hum,
        "60 Hz hum, a tenth noise": hum + 0.1 * noise,
        "60 Hz hum over a bearing, as strong": clean + np.sqrt(2) * deviation * hum,
        "jump by one standard deviation": clean + deviation * after,
        "jump by three": clean + 3 * deviation * after,
        "dropout, 256 samples of zero": np.where(lost, 0, clean),
        "dropout, 16 samples held": _held(clean, begin, 16),
        "clipped at half its peak": np.clip(clean, -peak / 2, peak / 2),
        "clipped, one sample in a hundred": _clipped(clean, 0.99),
    }
    return {name: np.ascontiguousarray(signal, np.float32) for name, signal in signals.items()}


def flag_signals(
    diagnoser: Diagnoser, test: LabelledWindows, folder: Path, seed: int
) -> dict[str, Flagged]:
    """Count the flagged windows of synthetic signals, and of good windows not trained on.

    Args:
        diagnoser: Computes the novelty.
        test: Good windows, the healthy among them.
        folder: Of the recordings.
        seed: Of the synthetic signals.
    """
    generator = np.random.default_rng(seed)
    good = test.windows
    normal = good[test.labels == FAULT_LABELS.index("Normal")]
    chosen = generator.choice(len(good), min(_COUNT, len(good)), replace=False)
    rows = {
        "test windows: false flags": flagged(diagnoser, good),
        "the healthy among them": flagged(diagnoser, normal),
    }
    for name, windows in spoiled(good[chosen], generator).items():
        rows[name] = flagged(diagnoser, windows)
    try:
        wrong_rate = read_file(folder / _AT_48_KHZ, sampling_rate=SAMPLING_RATE)
    except RecordingError:
        return rows
    rows["healthy bearing at 48 kHz"] = flagged(diagnoser, wrong_rate.windows().astype(np.float32))
    return rows


def flagged(diagnoser: Diagnoser, windows: NDArray[np.float32]) -> Flagged:
    """Count the windows (n, 2048), n ≥ 1, that novelty, data quality or either of them flags."""
    novel = diagnoser.examine(windows).novelty > 1
    flagged_signal = signal_flags(windows, SignalLimits()).any(axis=1)
    return Flagged(
        windows=len(windows),
        novelty=float(novel.mean()),
        quality=float(flagged_signal.mean()),
        either=float((novel | flagged_signal).mean()),
    )


def _held(
    clean: NDArray[np.float64], begin: NDArray[np.int64], samples: int
) -> NDArray[np.float64]:
    """Hold the sample before `begin` (n, 1) for this many samples."""
    time = np.arange(WINDOW_LENGTH)
    held = np.take_along_axis(clean, begin - 1, axis=1)
    return np.where((time >= begin) & (time < begin + samples), held, clean)


def _clipped(clean: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Clip each window at the quantile of its magnitudes."""
    level = np.quantile(np.abs(clean), share, axis=1, keepdims=True)
    clipped: NDArray[np.float64] = np.clip(clean, -level, level)
    return clipped
