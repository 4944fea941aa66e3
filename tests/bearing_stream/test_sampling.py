"""The windows of a signal at any rate: how many, from which samples, and through which filter."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import resample_poly

from bearing_stream.recordings.samples import to_model_rate
from bearing_stream.sampling import (
    HIGHEST_RATE,
    LOWEST_RATE,
    Defects,
    least_length,
    ratio,
    resample,
    resampled_length,
    windows,
)
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH

COMMON = (12_000, 16_000, 20_480, 25_600, 44_100, 48_000, 48_828, 51_200, 65_536, 97_656, 102_400)
CLOCKS = (11_999.9999, 12_000.0001, 12_000.3, 11_999.3, 47_999.9)
"""Rates as another clock measures them; the ratio of some is 1."""

RATES = st.sampled_from(COMMON + CLOCKS) | st.floats(11_880, 200_000)
TYPES = st.sampled_from([np.int16, np.int32, np.float32, np.float64])


def noise(length: int, dtype: Any = np.float64, seed: int = 0) -> NDArray[Any]:
    made: NDArray[Any] = (1000 * np.random.default_rng(seed).standard_normal(length)).astype(dtype)
    return made


@given(st.integers(1, 20_000), RATES, TYPES)
def test_the_filter_is_that_of_scipy_and_of_recordings(
    length: int, rate: float, dtype: Any
) -> None:
    samples = noise(length, dtype)
    resampled = resample(samples, rate)
    assert resampled.size == resampled_length(length, rate)
    exact = ratio(rate)
    expected = resample_poly(
        samples.astype(np.float64), exact.numerator, exact.denominator, padtype="mean"
    )
    np.testing.assert_allclose(resampled, expected, rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(resampled, to_model_rate(samples.astype(np.float64), rate))


@given(RATES)
def test_the_least_length_makes_one_window_and_a_sample_less_makes_none(rate: float) -> None:
    least = least_length(rate)
    assert windows(noise(least), rate).samples.shape == (1, WINDOW_LENGTH)
    assert windows(noise(least - 1), rate).samples.shape == (0, WINDOW_LENGTH)
    assert least == pytest.approx(WINDOW_LENGTH * rate / SAMPLING_RATE, abs=1 + rate / 12_000)


@given(st.floats(LOWEST_RATE, HIGHEST_RATE) | RATES)
def test_the_ratio_of_any_rate_is_off_by_at_most_as_much_as_a_clock(rate: float) -> None:
    exact = Fraction(SAMPLING_RATE) / Fraction(rate)
    assert abs(ratio(rate) / exact - 1) <= 6e-5


@given(st.integers(1, 20_000))
def test_a_rate_in_khz_has_an_exact_ratio(khz: int) -> None:
    rate = 1000 * min(khz, 10_000)
    assert ratio(rate) == Fraction(SAMPLING_RATE, rate)
    assert [ratio(each) for each in (25_600, 51_200)] == [Fraction(15, 32), Fraction(15, 64)]


@given(st.integers(2048, 20_000), RATES, TYPES)
def test_windows_are_the_resampled_signal_end_to_end(length: int, rate: float, dtype: Any) -> None:
    samples = noise(length, dtype)
    cut = windows(samples, rate)
    assert cut.samples.dtype == np.float32
    resampled = resample(samples, rate)
    rest = resampled.size - cut.samples.size
    assert 0 <= rest < WINDOW_LENGTH
    np.testing.assert_array_equal(
        cut.samples.reshape(-1), resampled[: cut.samples.size].astype(np.float32)
    )


def test_a_window_that_does_not_vary_is_marked() -> None:
    samples = np.zeros(3 * WINDOW_LENGTH)
    samples[WINDOW_LENGTH + 7] = 1
    assert windows(samples, SAMPLING_RATE).varying.tolist() == [False, True, False]


def vibration(rate: float, seconds: float = 1.0, seed: int = 0) -> NDArray[np.float64]:
    """Noise, and bursts of a resonance of 2 kHz a hundred times a second."""
    times = np.arange(int(rate * seconds)) / rate
    bursts = np.exp(-800 * (times % 0.01)) * np.sin(2 * np.pi * 2000 * (times % 0.01))
    return bursts + noise(len(times), seed=seed) / 5000


@pytest.mark.parametrize("rate", [*COMMON, 200_000])
def test_a_level_that_is_held_is_held_after_resampling_too(rate: float) -> None:
    samples = vibration(rate) + 1000
    samples[int(0.1 * rate) : int(0.12 * rate)] = 1000.7
    samples[int(0.4 * rate) :] = -3
    resampled = resample(samples, rate)
    for begin, end, level in ((0.1, 0.12, 1000.7), (0.4, 1.0, -3)):
        held = resampled[int(begin * 12_000) + 2 : int(end * 12_000) - 2]
        assert np.unique(held).tolist() == [level]
    assert windows(samples, rate).varying.tolist() == [True, True, True, False, False]
    assert windows(samples, rate).defects == Defects(incomplete=True, clipped=False)


@given(RATES, st.integers(0, 100), st.floats(0.4, 0.6), st.floats(-1, 1))
def test_a_signal_whose_peaks_are_cut_is_clipped(
    rate: float, seed: int, level: float, offset: float
) -> None:
    samples = vibration(rate, seed=seed)
    cut = np.clip(samples, -level, level) + offset
    assert not windows(samples + offset, rate).clipped.any()
    is_resampled = ratio(rate) != 1
    assert windows(cut, rate).clipped.tolist() == [is_resampled] * 5
    assert windows(cut, rate).defects == Defects(incomplete=False, clipped=is_resampled)


@given(RATES, st.floats(5, 200), st.floats(0.05, 1))
def test_the_smooth_peaks_of_a_slow_vibration_are_not_clipped(
    rate: float, frequency: float, level: float
) -> None:
    """Near its peak a slow vibration is at one level for longer than a moment, and not again."""
    shaft = np.sin(2 * np.pi * frequency * np.arange(int(rate)) / rate)
    assert not windows(shaft + level * vibration(rate), rate).defects.clipped


@pytest.mark.parametrize("rate", [0.0, -12_000.0, 99.9, 1.01e7, float("nan"), float("inf")])
def test_a_rate_out_of_range_is_refused(rate: float) -> None:
    for function in (ratio, least_length):
        with pytest.raises(ValueError, match=r"from 100 Hz to 10 MHz, got .* Hz"):
            function(rate)


def test_samples_at_the_end_of_float32_may_overshoot_and_do_not_warn() -> None:
    samples = np.tile(np.repeat([3.4e38, -3.4e38], 3), 2 * WINDOW_LENGTH)
    assert np.isinf(windows(samples, 16_000).samples).any()
