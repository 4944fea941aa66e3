"""Draws what a person examines to find a fault in a recording: signal, spectrum, envelope.

The envelope spectrum is the one that the lines are measured in, so that the figure shows what
decided. Colours are those that colour-blind readers can distinguish (Okabe and Ito).
"""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.signal import welch

from bearing_stream.commands.diagnose.recording_diagnosis import RecordingDiagnosis
from bearing_stream.commands.diagnose.view import recording_lines
from bearing_stream.recordings.recording import Recording
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from model.physics.baseline import Baseline
from model.physics.bearing import BearingOrders
from model.physics.spectra import STEP, WIDE, spectra

FORMATS: Final = (".png", ".svg", ".pdf")

_DECIBELS: Final = 10 / np.log(10)
"""Per unit of the natural logarithm of power."""

_COLOURS: Final = {"outer race": "#D55E00", "inner race": "#0072B2", "ball": "#009E73"}
_INK: Final = "#333333"
_SHAFT: Final = "#999999"
_MOST_POINTS: Final = 200_000
"""Of the time signal that are drawn, evenly spaced pairs of extremes, so that no peak is lost."""


def draw(
    recording: Recording,
    diagnosis: RecordingDiagnosis,
    baseline: Baseline | None,
    path: Path,
) -> None:
    """Draw a recording and its diagnosis into a file.

    Args:
        recording: At 12 kHz.
        diagnosis: Of it.
        baseline: Of its machine, whose bearing's lines are marked at the speed that they were
            measured at; None if there is none.
        path: The file; its ending is one of `FORMATS`.

    Raises:
        OSError: The file cannot be written.
    """
    figure = Figure(figsize=(11, 9), layout="constrained")
    signal, spectrum, envelope = figure.subplots(3, 1)
    # A name with a dollar sign is not mathematics.
    title = "\n".join(line.strip() for line in recording_lines(diagnosis))
    figure.suptitle(title.replace("$", r"\$"), fontsize=9, x=0.01, ha="left")
    unit = f" ({recording.unit})" if recording.unit else ""
    _draw_signal(signal, recording, unit)
    _draw_spectrum(spectrum, recording, unit)
    evidence = diagnosis.finding["evidence"]
    speed = evidence["shaft_speed"] if evidence else recording.rpm
    _draw_envelope(envelope, recording, baseline, speed)
    for axes in (signal, spectrum, envelope):
        axes.margins(x=0)
        axes.grid(color="#DDDDDD", lw=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _draw_signal(axes: Axes, recording: Recording, unit: str) -> None:
    samples = np.asarray(recording.samples)
    step = -(-2 * len(samples) // _MOST_POINTS)
    times = np.arange(len(samples)) / SAMPLING_RATE
    if step > 1:
        whole = samples[: len(samples) // step * step].reshape(-1, step)
        samples = np.stack([whole.min(axis=1), whole.max(axis=1)], axis=1).reshape(-1)
        times = np.repeat(times[: whole.size : step], 2)
    axes.plot(times, samples, color=_INK, lw=0.4)
    axes.set(title="Signal at 12 kHz", xlabel="s", ylabel=f"acceleration{unit}")


def _draw_spectrum(axes: Axes, recording: Recording, unit: str) -> None:
    hertz, power = welch(recording.samples, SAMPLING_RATE, nperseg=WINDOW_LENGTH)
    axes.plot(hertz, 10 * np.log10(power[:] + 1e-30), color=_INK, lw=0.8)
    axes.set(
        title="Spectrum",
        xlabel="Hz",
        ylabel=f"power density, dB{f' of {recording.unit}²/Hz' if unit else ''}",
    )


def _draw_envelope(
    axes: Axes, recording: Recording, baseline: Baseline | None, rpm: float | None
) -> None:
    windows = recording.windows().astype(np.float32)
    reading = WIDE if baseline is None else baseline.reading
    mean = spectra(windows, reading).envelope.mean(axis=0, dtype=np.float64)
    hertz = np.arange(len(mean)) * STEP
    # The first bins are the mean of the envelope, which is no line.
    shown = hertz >= 4 * STEP
    axes.plot(hertz[shown], _DECIBELS * mean[shown], color=_INK, lw=0.8)
    title = "Envelope spectrum, mean of the windows"
    if baseline is None or rpm is None:
        title += "; no lines are marked, since " + (
            "the bearing is not known" if baseline is None else "the shaft speed is not known"
        )
    else:
        title += f"; lines at {rpm:.0f} rpm"
        _mark_lines(axes, baseline.orders, rpm / 60, hertz[-1])
    axes.set(title=title, xlabel="Hz", ylabel="power, dB")


def _mark_lines(axes: Axes, orders: BearingOrders, shaft: float, highest: float) -> None:
    axes.axvline(shaft, color=_SHAFT, lw=0.8, ls=":", label="shaft")
    parts = {
        "outer race": (orders.outer, 3),
        "inner race": (orders.inner, 2),
        "ball": (2 * orders.ball_spin, 2),
    }
    for part, (order, harmonics) in parts.items():
        for harmonic in range(1, harmonics + 1):
            at = shaft * order * harmonic
            if at <= highest:
                label = part if harmonic == 1 else None
                axes.axvline(at, color=_COLOURS[part], lw=1, ls="--", alpha=0.8, label=label)
    axes.legend(loc="upper right", fontsize=8)
