"""Fitting `synthetic.csv` to the CWRU recordings: `python -m training.synthetic_fit --data DIR`.

From each recording chosen, by moments alone, without any network:

- the path: Yule-Walker equations on the autocorrelation;
- the modulation's depth: in the envelope spectrum, the sidebands against the fault's own line;
- the impacts' share of the power: so that the synthetic signal's kurtosis is the recording's.
"""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import hilbert, lfilter
from scipy.stats import kurtosis

from bearing_stream.recordings.catalogue import catalogue
from bearing_stream.recordings.cwru import load
from bearing_stream.recordings.recording import Recording
from bearing_stream.recordings.synthetic import (
    IMPACT_ORDER,
    MODULATION_ORDER,
    Condition,
    SyntheticBearing,
)
from bearing_stream.vocabulary import SAMPLING_RATE

CHOSEN: Final = (97, 98, 99, 100, 3005, 3006, 3007, 3008, 105, 106, 107, 108, 130, 131, 132, 133)
"""Files fitted to: the four loads of each label, at the diameter whose line stands out of the
recordings' own envelope spectrum (B028, IR007, OR007@6). In many other CWRU recordings, of ball
faults above all, it does not (Smith & Randall, Mechanical Systems and Signal Processing 64-65,
2015)."""

ORDER: Final = 64
"""Of the all-pole path: enough for the resonances and the hum of the rig."""

MAX_SHARE: Final = 0.97
"""Upper bound: there is always some noise."""


def fit(recording: Recording) -> Condition:
    """Fit the model to one recording; the module's docstring describes the three steps."""
    if recording.fault is None or recording.load is None or recording.rpm is None:
        raise ValueError(f"recording {recording.id}: its fault, load and speed must be known")
    signal = recording.samples - recording.samples.mean()
    condition = Condition(
        fault=recording.fault,
        fault_diameter=recording.fault_diameter,
        load=recording.load,
        rpm=recording.rpm,
        level=float(signal.std()),
        impact_share=0,
        modulation=0,
        path=yule_walker(signal, ORDER),
    )
    if condition.fault == "Normal":
        return condition
    condition = replace(condition, modulation=_modulation(signal, condition))
    return replace(condition, impact_share=_impact_share(signal, condition))


def yule_walker(signal: NDArray[np.float64], order: int) -> tuple[float, ...]:
    """Coefficients a1 … ap of the all-pole filter nearest to a zero-mean signal's spectrum."""
    power = np.abs(np.fft.rfft(signal, 2 * signal.size)) ** 2
    correlation = np.fft.irfft(power)[: order + 1]
    return tuple(float(a) for a in -solve_toeplitz(correlation[:-1], correlation[1:]))


def envelope_spectrum(
    signal: NDArray[np.floating], path: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Amplitude spectrum of the squared envelope, after removal of the path.

    This whitening gives every band the same weight (Randall & Antoni 2011), so that no band has
    to be chosen by hand.

    Returns:
        Frequencies in Hz, and amplitudes against the mean squared envelope.
    """
    squared = np.abs(hilbert(lfilter([1.0, *path], [1.0], signal))) ** 2
    tapered = (squared / squared.mean() - 1) * np.hanning(squared.size)
    amplitudes = 4 / tapered.size * np.abs(np.fft.rfft(tapered))
    frequencies = np.fft.rfftfreq(tapered.size, 1 / SAMPLING_RATE)
    return np.asarray(frequencies, np.float64), np.asarray(amplitudes, np.float64)


def _modulation(signal: NDArray[np.float64], condition: Condition) -> float:
    """Solve r = m / (1 + m²/2), what strength 1 + m cos makes of sidebands against the line.

    The squared envelope follows the strength squared: (1 + m²/2) + 2m cos + (m²/2) cos 2.
    """
    frequencies, amplitudes = envelope_spectrum(signal, condition.path)
    shaft = condition.rpm / 60
    line = IMPACT_ORDER[condition.fault] * shaft
    side = MODULATION_ORDER[condition.fault] * shaft
    line = _peak(frequencies, amplitudes, line, 0.015 * line)[0]  # slip moves it by a little
    height = _peak(frequencies, amplitudes, line, 1)[1]
    sides = [_peak(frequencies, amplitudes, line + sign * side, 1)[1] for sign in (-1, 1)]
    ratio = min(float(np.mean(sides)) / height, np.sqrt(0.5))
    return float((1 - np.sqrt(1 - 2 * ratio**2)) / ratio)


def _peak(
    frequencies: NDArray[np.float64], amplitudes: NDArray[np.float64], near: float, width: float
) -> tuple[float, float]:
    inside = np.flatnonzero(np.abs(frequencies - near) <= width)
    top = inside[np.argmax(amplitudes[inside])]
    return float(frequencies[top]), float(amplitudes[top])


def _impact_share(signal: NDArray[np.float64], condition: Condition) -> float:
    """Solve for the share q at which impacts and Gaussian noise add up to the signal's kurtosis.

    For independent parts of power q and 1 - q, the excess kurtosis is q² times the impacts' own.
    """
    impacts = SyntheticBearing("fit", replace(condition, impact_share=1), condition.rpm)
    own = kurtosis(impacts.windows(0, 200).reshape(-1))
    return float(np.clip(np.sqrt(max(kurtosis(signal), 0) / own), 0, MAX_SHARE))


@click.command()
@click.option("--data", type=click.Path(path_type=Path), envvar="CWRU_DATA", required=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path(__file__).with_name("synthetic.csv"),
    help="Where to write the table.",
)
def main(data: Path, output: Path) -> None:
    """Fit the table of the synthetic source to the recordings."""
    names = ["fault", "fault_diameter_in", "load_hp", "rpm", "level_g", "impact_share"]
    by_number = {entry.number: entry for entry in catalogue()}
    with output.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*names, "modulation", *(f"a{i}" for i in range(1, ORDER + 1))])
        for recording in load(data, [by_number[number] for number in CHOSEN]):
            row = fit(recording)
            head = [row.fault, row.fault_diameter, f"{row.load:g}", f"{row.rpm:g}"]
            fitted = [f"{value:.4g}" for value in (row.level, row.impact_share, row.modulation)]
            table.writerow([*head, *fitted, *(f"{value:.8g}" for value in row.path)])
            click.echo(f"{recording.id:>5} {row.fault:<9} {' '.join(fitted)}")


if __name__ == "__main__":
    main()
