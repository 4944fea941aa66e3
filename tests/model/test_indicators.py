"""Condition indicators are what their formulas define, at any scale and offset."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH
from model.assessment import PhysicsAssessment
from model.indicators import HIGHEST, LEAST_WINDOWS, LOWEST, MM_PER_S2, Indicators, indicators

COUNTS = st.lists(st.integers(1, 5), min_size=1, max_size=6)


def noise(windows: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((windows, WINDOW_LENGTH)).astype(np.float32)


def tone(frequency: float, windows: int, amplitude: float = 1.0) -> NDArray[np.float32]:
    times = np.arange(windows * WINDOW_LENGTH) / SAMPLING_RATE
    signal = amplitude * np.sin(2 * np.pi * frequency * times)
    return signal.reshape(-1, WINDOW_LENGTH).astype(np.float32)


def only(found: Indicators) -> tuple[float, float, float, float]:
    return tuple(  # type: ignore[return-value]
        float(values[0]) for values in (found.rms, found.peak, found.crest_factor, found.kurtosis)
    )


@given(COUNTS, st.integers(0, 2**32))
def test_they_are_those_of_the_whole_measurement(counts: list[int], seed: int) -> None:
    windows = noise(sum(counts), seed)
    # The mean of a measurement is not that of each of its windows.
    windows += np.linspace(-2, 3, len(windows), dtype=np.float32)[:, None]
    found = indicators(windows, np.array(counts))
    ends = np.cumsum(counts)
    for index, (begin, end) in enumerate(zip(ends - counts, ends, strict=True)):
        signal = windows[begin:end].astype(np.float64).reshape(-1)
        signal -= signal.mean()
        square = np.mean(signal**2)
        assert found.rms[index] == pytest.approx(np.sqrt(square), rel=1e-5)
        assert found.peak[index] == pytest.approx(np.abs(signal).max(), rel=1e-5)
        assert found.crest_factor[index] == pytest.approx(found.peak[index] / found.rms[index])
        assert found.kurtosis[index] == pytest.approx(np.mean(signal**4) / square**2, rel=1e-5)


def test_they_are_those_of_a_sine() -> None:
    found = only(indicators(tone(375, 1, 2.0)))
    assert found == pytest.approx((2**0.5, 2, 2**0.5, 1.5), rel=1e-3)


@given(st.floats(-36, 37), st.integers(1, 3), st.integers(0, 2**32))
def test_scale_scales_rms_and_peak_and_nothing_else(power: float, count: int, seed: int) -> None:
    windows, scale = noise(count, seed), np.float32(10**power)
    counts = np.array([count])
    rms, peak, crest_factor, kurtosis = only(indicators(windows, counts))
    scaled = only(indicators(windows * scale, counts))
    expected = (rms * scale, peak * scale, crest_factor, kurtosis)
    assert scaled == pytest.approx(expected, rel=1e-3)


def test_an_offset_changes_nothing() -> None:
    windows = noise(2)
    counts = np.array([2])
    assert only(indicators(windows + np.float32(1000), counts)) == pytest.approx(
        only(indicators(windows, counts)), rel=1e-3
    )


def test_what_hardly_varies_has_finite_indicators() -> None:
    windows = np.full((2, WINDOW_LENGTH), 1e8, np.float32)
    windows[0, 7] = np.nextafter(np.float32(1e8), np.float32(2e8))
    windows[1] = np.float32(1e-45) * (np.arange(WINDOW_LENGTH) % 2)
    found = indicators(windows)
    assert all(np.isfinite(values).all() for values in (found.rms, found.crest_factor))
    assert (found.rms > 0).all()
    assert np.isfinite(found.kurtosis).all()


@pytest.mark.parametrize("unit", MM_PER_S2)
@pytest.mark.parametrize("windows", [LEAST_WINDOWS, 5, 19])
@pytest.mark.parametrize("frequency", [15, 25, 49.4, 333, 970])
def test_the_velocity_of_a_tone_is_its_acceleration_over_its_angular_frequency(
    unit: str, windows: int, frequency: float
) -> None:
    found = indicators(tone(frequency, windows, 0.3), np.array([windows]), [unit])
    expected = 0.3 * MM_PER_S2[unit] / (2 * np.pi * frequency) / 2**0.5
    assert found.velocity_rms[0] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("frequency", [LOWEST / 3, HIGHEST + 50, 3000])
def test_what_is_outside_the_band_adds_little_velocity(frequency: float) -> None:
    counts = np.array([10])
    found = indicators(tone(frequency, 10) + tone(100, 10), counts, ["g"])
    alone = indicators(tone(100, 10), counts, ["g"])
    assert found.velocity_rms[0] == pytest.approx(alone.velocity_rms[0], rel=0.02)


def test_there_is_no_velocity_of_a_short_measurement_nor_of_another_unit() -> None:
    counts = np.array([1, 2, 3, 3, 3])
    units = ["g", "g", "counts", None, "m/s2"]
    found = indicators(noise(12), counts, units)
    assert np.isfinite(found.velocity_rms).tolist() == [False, False, False, False, True]
    fields = list(found.fields())
    assert [each["velocity_rms"] is None for each in fields] == [True, True, True, True, False]
    assert [each["lines"] for each in fields] == [None] * 5


def test_the_lines_are_those_of_the_evidence() -> None:
    evidence = PhysicsAssessment.none(2)
    evidence.sigmas[0] = 1.0, 2.0, 3.0
    lines = [each["lines"] for each in indicators(noise(2)).fields(evidence)]
    assert lines == [{"outer": 1.0, "inner": 2.0, "ball": 3.0}, None]


def test_no_measurements_have_no_indicators() -> None:
    assert list(indicators(noise(0), np.zeros(0, np.int64), []).fields()) == []
