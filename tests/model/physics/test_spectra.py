"""Lines of a damaged race stand out, at the right frequency and in any unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from model.physics.bearing import DRIVE_END
from model.physics.gate import band_shape
from model.physics.lines import PARTS, line_heights, speeds
from model.physics.spectra import BANDS, NARROW, STEP, WIDE, Reading, spectra
from tests.model.physics.signals import BALL, INNER, OUTER, RPM, Floats, healthy, struck

pytestmark = pytest.mark.numeric


@pytest.mark.parametrize("order", [OUTER, INNER, BALL])
def test_the_highest_point_of_the_envelope_spectrum_is_a_harmonic_of_the_strikes(
    order: float,
) -> None:
    measured = spectra(struck(20, order))
    # Below 59 Hz there is no noise floor to compare with.
    highest = (measured.envelope[:, 40:].argmax(axis=1) + 40) * STEP
    harmonics = highest / (order * RPM / 60)
    assert np.mean(np.abs(harmonics - harmonics.round()) < 0.04) >= 0.9


def test_band_powers_are_those_of_their_bands() -> None:
    time = np.arange(WINDOW_LENGTH) / SAMPLING_RATE
    centres = 250 + 500 * np.arange(BANDS)
    tones = np.sin(2 * np.pi * centres[:, None] * time).astype(np.float32)
    assert spectra(tones).bands.argmax(axis=1).tolist() == list(range(BANDS))


@pytest.mark.parametrize("gain", [1e-30, 1e-4, 1e4, 1e30])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_neither_unit_nor_gain_nor_offset_matters(gain: float, offset: float) -> None:
    windows = np.concatenate([healthy(5), struck(5, OUTER)])
    changed = ((windows.astype(np.float64) + offset) * gain).astype(np.float32)
    one, other = spectra(windows), spectra(changed)
    rows = np.full(10, RPM)
    heights = [line_heights(found.envelope, rows, DRIVE_END).heights for found in (one, other)]
    np.testing.assert_allclose(heights[0], heights[1], atol=0.02)
    np.testing.assert_allclose(band_shape(one.bands), band_shape(other.bands), atol=1e-3)


ANY = npst.arrays(
    np.float32, st.tuples(st.integers(0, 3), st.just(WINDOW_LENGTH)), elements=st.floats(width=32)
)


@given(ANY.map(np.nan_to_num), st.floats(0, 1), st.sampled_from([NARROW, WIDE]))
def test_every_finite_window_at_every_speed_has_finite_heights(
    windows: NDArray[np.float32], place: float, reading: Reading
) -> None:
    measured = spectra(windows, reading)
    assert measured.envelope.shape == (len(windows), reading.points)
    slowest, fastest = speeds(DRIVE_END, reading)
    rpm = np.full(len(windows), slowest + place * (fastest - slowest))
    found = line_heights(measured.envelope, rpm, DRIVE_END)
    for values in (found.heights, found.rpm, band_shape(measured.bands)):
        assert np.isfinite(values).all()


def heights_of(windows: Floats, rpm: float) -> dict[str, float]:
    """Medians of the heights of the lines."""
    found = line_heights(spectra(windows, WIDE).envelope, np.full(len(windows), rpm), DRIVE_END)
    return dict(zip(PARTS, np.median(found.heights, axis=0).tolist(), strict=True))


@pytest.mark.parametrize("rpm", [600.0, 1200.0, 1772.0, 1990.0, 3600.0])
@pytest.mark.parametrize(("part", "order"), [("outer", OUTER), ("inner", INNER), ("ball", BALL)])
def test_the_line_of_the_struck_part_rises_most(part: str, order: float, rpm: float) -> None:
    sound, damaged = heights_of(healthy(50), rpm), heights_of(struck(50, order, rpm), rpm)
    rise = {name: damaged[name] - sound[name] for name in damaged}
    assert max(rise, key=lambda name: rise[name]) == part
    assert rise[part] > 1.5


@pytest.mark.parametrize("rpm", [1715.0, 1772.0, 1830.0])
def test_an_unknown_speed_is_found(rpm: float) -> None:
    envelope = spectra(struck(50, OUTER, rpm)).envelope
    found = line_heights(envelope, np.full(50, 1772.0), DRIVE_END).rpm[:, 0]
    # A line is the highest point within 1 %.
    assert np.mean(np.abs(found - rpm) < 0.014 * rpm) >= 0.9


def test_pure_tones_and_flat_windows_have_finite_spectra() -> None:
    time = np.arange(WINDOW_LENGTH) / SAMPLING_RATE
    tones = np.sin(2 * np.pi * np.arange(0, 6000, 93.75)[:, None] * time)
    for windows in (tones, tones + 1e4, np.round(tones), np.eye(64, WINDOW_LENGTH, 100)):
        measured = spectra(windows.astype(np.float32))
        assert np.isfinite(measured.envelope).all()
        assert np.isfinite(measured.bands).all()
