"""The curves of a measurement show what is in it."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bearing_stream.commands.page.figures import MOST_POINTS, Known, figures
from model.physics.bearing import DRIVE_END

RATE = 12_000


def tone(hertz: float, amplitude: float, seconds: float, rate: int = RATE) -> NDArray[np.float64]:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


@pytest.mark.parametrize(("rate", "seconds"), [(12_000, 0.18), (48_000, 1.0), (25_600, 10.0)])
def test_the_spectrum_of_a_tone_is_a_line_of_its_amplitude(rate: int, seconds: float) -> None:
    drawn = figures(tone(1000, 2.5, seconds, rate) + 7, rate, Known())
    peak = int(np.argmax(drawn.spectrum.y))
    # A stretch is named by its lowest frequency.
    width = drawn.spectrum.x[1] - drawn.spectrum.x[0]
    assert drawn.spectrum.x[peak] == pytest.approx(1000, abs=width + 6)
    assert drawn.spectrum.y[peak] == pytest.approx(2.5, rel=0.16)
    assert drawn.spectrum.x[-1] <= rate / 2


def test_a_long_waveform_keeps_its_extremes() -> None:
    samples = np.zeros(100_000)
    samples[31_234], samples[77_777] = 9.0, -8.0
    samples += np.random.default_rng(0).normal(scale=0.01, size=samples.size)
    drawn = figures(samples, RATE, Known())
    assert len(drawn.waveform.x) <= MOST_POINTS
    assert max(drawn.waveform.y) == pytest.approx(9, abs=0.1)
    assert min(drawn.waveform.y) == pytest.approx(-8, abs=0.1)
    assert drawn.waveform.x == sorted(drawn.waveform.x)
    highest = int(np.argmax(drawn.waveform.y))
    assert drawn.waveform.x[highest] == pytest.approx(31_234 / RATE, abs=1e-5)


def test_the_lines_are_those_of_the_bearing_and_an_outer_fault_peaks_at_its_own() -> None:
    rng = np.random.default_rng(1)
    rpm, seconds = 1797.0, 2.0
    bpfo = DRIVE_END.outer * rpm / 60
    samples = rng.normal(scale=0.05, size=int(seconds * RATE))
    burst = np.exp(-np.arange(60) / 12) * np.sin(2 * np.pi * 3000 * np.arange(60) / RATE)
    for strike in np.arange(0.01, seconds - 0.01, 1 / bpfo):
        begin = int(strike * RATE)
        samples[begin : begin + 60] += burst
    drawn = figures(samples, RATE, Known(DRIVE_END, rpm))
    lines = {(line.part, line.multiple): line.hertz for line in drawn.lines}
    assert len(lines) == 7
    assert lines["outer", 1] == pytest.approx(bpfo)
    assert lines["outer", 3] == pytest.approx(3 * bpfo)
    assert lines["inner", 2] == pytest.approx(2 * DRIVE_END.inner * rpm / 60)
    assert lines["ball", 1] == pytest.approx(2 * DRIVE_END.ball_spin * rpm / 60)
    assert drawn.envelope.x[int(np.argmax(drawn.envelope.y))] == pytest.approx(bpfo, abs=3)


@pytest.mark.parametrize(
    "known",
    [Known(), Known(DRIVE_END), Known(rpm=1800.0), Known(DRIVE_END, 3.0), Known(DRIVE_END, 1e6)],
)
def test_without_a_bearing_or_a_speed_that_it_fits_no_lines_are_drawn(known: Known) -> None:
    drawn = figures(np.random.default_rng(2).normal(size=4096), RATE, known)
    assert (drawn.lines, drawn.rpm) == ([], None)
    assert len(drawn.envelope.x) == len(drawn.envelope.y) > 200


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.int32])
def test_samples_of_any_type_are_drawn(kind: type) -> None:
    samples: NDArray[Any] = (1000 * np.random.default_rng(3).normal(size=9000)).astype(kind)
    drawn = figures(samples, 25_600.0, Known())
    assert np.isfinite([*drawn.spectrum.y, *drawn.envelope.y, *drawn.waveform.y]).all()
