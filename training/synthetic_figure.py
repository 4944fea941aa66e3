"""Drawing `assets/synthetic.png`: `python -m training.synthetic_figure --data DIR`.

The synthetic source and the recordings that it was fitted to, one row a label, at 0 hp: the
spectrum shows the path, and the envelope spectrum the impacts.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from scipy.signal import welch

from bearing_stream.recordings.catalogue import catalogue
from bearing_stream.recordings.cwru import read_entry
from bearing_stream.recordings.recording import Recording
from bearing_stream.recordings.synthetic import (
    IMPACT_ORDER,
    MODULATION_ORDER,
    Condition,
    SyntheticBearing,
    conditions,
)
from bearing_stream.vocabulary import FAULT_LABELS, SAMPLING_RATE, WINDOW_LENGTH
from training.synthetic_fit import CHOSEN, envelope_spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REAL, _SYNTHETIC = "#222222", "#d9480f"


def draw(data: Path) -> "Figure":
    """Draw the figure from the recordings in `data`; raises RecordingError if one is missing."""
    from matplotlib.figure import Figure  # half a second that only this function needs

    figure = Figure(figsize=(11, 11), layout="constrained")
    rows = figure.subplots(len(FAULT_LABELS), 3, width_ratios=[2, 3, 3])
    by_number = {entry.number: entry for entry in catalogue()}
    chosen = dict(zip(conditions(), CHOSEN, strict=True))
    for axes, label in zip(rows, FAULT_LABELS, strict=True):
        condition = next(row for row in conditions() if (row.fault, row.load) == (label, 0))
        real = read_entry(data, by_number[chosen[condition]])
        count = len(real.windows())
        synthetic = SyntheticBearing("figure", condition, condition.rpm).recording(0, count)
        for recording, colour, where in [(real, _REAL, 1), (synthetic, _SYNTHETIC, -1)]:
            name = f"{real.id}.mat" if recording is real else "synthetic"
            _draw_window(axes[0], recording, where, colour)
            _draw_spectrum(axes[1], recording, name, colour)
            _draw_envelope(axes[2], recording, where, condition, colour)
        axes[0].set_ylabel(f"{label}, {condition.rpm:.0f} rpm")
        axes[1].legend(loc="lower left", fontsize=8)
    titles = ["100 ms, to one scale", "spectrum, dB(g²/Hz)", "spectrum of the squared envelope"]
    for axis, title in zip(rows[0], titles, strict=True):
        axis.set_title(title)
    for axis, unit in zip(rows[-1], ["ms", "kHz", "Hz (dotted: the fault's lines)"], strict=True):
        axis.set_xlabel(unit)
    return figure


def _draw_window(axis: Any, recording: Recording, where: int, colour: str) -> None:
    window = recording.samples[:WINDOW_LENGTH] - recording.samples.mean()
    times = 1000 * np.arange(WINDOW_LENGTH) / SAMPLING_RATE
    height = 6 * recording.samples.std()  # real above, synthetic below
    axis.plot(times, window + where * height, color=colour, linewidth=0.5)
    axis.set(xlim=(0, 100), yticks=[])


def _draw_spectrum(axis: Any, recording: Recording, name: str, colour: str) -> None:
    frequencies, power = welch(recording.samples, SAMPLING_RATE, nperseg=1024)
    axis.plot(frequencies / 1000, 10 * np.log10(power), color=colour, linewidth=1, label=name)
    axis.set_xlim(0, 6)


def _draw_envelope(
    axis: Any, recording: Recording, where: int, condition: Condition, colour: str
) -> None:
    signal = recording.samples - recording.samples.mean()
    frequencies, amplitudes = envelope_spectrum(signal, condition.path)
    shown = frequencies < 400
    axis.plot(frequencies[shown], where * amplitudes[shown], color=colour, linewidth=0.7)
    axis.set_xlim(0, 400)
    axis.yaxis.set_major_formatter(lambda height, _: f"{abs(height):g}")
    if condition.fault in IMPACT_ORDER:
        shaft = condition.rpm / 60
        side = MODULATION_ORDER[condition.fault] * shaft
        for harmonic in (1, 2, 3):
            line = harmonic * IMPACT_ORDER[condition.fault] * shaft
            axis.axvline(line, color="#1971c2", linestyle=":", linewidth=1, zorder=0)
            for sign in (-1, 1):
                axis.axvline(
                    line + sign * side, color="#74c0fc", linestyle=":", linewidth=0.6, zorder=0
                )


@click.command()
@click.option("--data", type=click.Path(path_type=Path), envvar="CWRU_DATA", required=True)
@click.option("--output", type=click.Path(path_type=Path), default=Path("assets/synthetic.png"))
def main(data: Path, output: Path) -> None:
    """Draw the synthetic source and the recordings."""
    draw(data).savefig(output, dpi=100)


if __name__ == "__main__":
    main()
