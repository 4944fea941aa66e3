"""The sampling rate that times state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.recordings.formats.time_axis import is_even_ramp, time_axis


@given(
    rate=st.floats(1000, 200_000),
    size=st.integers(1000, 20_000),
    first=st.floats(-1e6, 1e6),
    decimals=st.integers(6, 9),
)
def test_rounded_times_state_their_rate(
    rate: float, size: int, first: float, decimals: int
) -> None:
    axis = time_axis(np.round(first + np.arange(size) / rate, decimals), "t")
    assert axis.rate.problem == ""
    duration = size / rate
    assert axis.rate.hz == pytest.approx(rate, rel=2e-6 / duration + 1e-8)
    assert axis.starts == ()


@pytest.mark.parametrize("rate", [12_000, 25_600, 48_000, 51_200, 44_100, 97_656.25, 20_480])
@pytest.mark.parametrize("decimals", [5, 6, 8, 12])
def test_a_round_rate_is_found_exactly(rate: float, decimals: int) -> None:
    axis = time_axis(np.round(np.arange(20_000) / rate, decimals), "t")
    assert axis.rate.hz == pytest.approx(rate, rel=1e-4 if decimals == 5 else 5e-6)
    if rate != 97_656.25 and decimals > 5:
        assert axis.rate.hz == rate


@given(seed=st.integers(0, 99), jitter=st.floats(0, 0.45))
def test_jitter_does_not_matter(seed: int, jitter: float) -> None:
    noise = np.random.default_rng(seed).uniform(-jitter, jitter, 5000)
    axis = time_axis((np.arange(5000) + noise) / 12_000, "t")
    assert axis.rate.hz == pytest.approx(12_000, rel=1e-3)
    assert axis.starts == ()


@given(sizes=st.lists(st.integers(200, 3000), min_size=2, max_size=4), back=st.booleans())
def test_stretches_begin_where_time_jumps(sizes: list[int], back: bool) -> None:
    parts, first = [], 0.0
    for size in sizes:
        parts.append(first + np.arange(size) / 25_600)
        first = 0.0 if back else parts[-1][-1] + 0.25
    axis = time_axis(np.concatenate(parts), "t")
    # A short signal with a few gaps may as well be uneven; it is never taken for even.
    assert axis.rate.problem or (
        axis.rate.hz == 25_600 and axis.starts == tuple(np.cumsum(sizes)[:-1].tolist())
    )
    assert not (back and axis.rate.problem)


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        (np.zeros(100), "does not advance"),
        (np.arange(100.0)[::-1], "goes back 99 times"),
        (np.array([1.0]), "missing"),
        (np.array([0.0, np.nan, 2.0]), "missing"),
        (np.cumsum(np.random.default_rng(0).exponential(size=1000)), "uneven"),
        (np.concatenate([np.arange(900.0), np.arange(900.0) / 2]), "changes its rate"),
    ],
)
def test_times_that_state_no_rate(times: np.ndarray, problem: str) -> None:
    assert problem in time_axis(times, "t").rate.problem


@given(seed=st.integers(0, 999), smooth=st.integers(1, 20))
def test_a_vibration_is_no_ramp(seed: int, smooth: int) -> None:
    noise = np.random.default_rng(seed).normal(size=1000)
    assert not is_even_ramp(np.convolve(noise, np.ones(smooth), "valid"))
    assert is_even_ramp(np.arange(1000) / 12_000)
