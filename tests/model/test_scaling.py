"""Standardisation: precise for large offsets, and independent of scale and offset."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.scaling import standardise

pytestmark = pytest.mark.numeric


def noise(rows: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, 2048)))


def test_mean_is_zero_and_sample_standard_deviation_one() -> None:
    standardised = standardise(noise() * 3 + 7).double()
    assert standardised.mean(dim=1).abs().max() < 1e-7
    torch.testing.assert_close(
        standardised.std(dim=1, correction=1), torch.ones(4).double(), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("offset", [0, 100, -10_000])
def test_a_float32_window_with_a_large_offset_is_standardised_right(offset: float) -> None:
    windows = (noise() + offset).float()
    exact = windows.double() - windows.double().mean(dim=1, keepdim=True)
    exact /= exact.std(dim=1, keepdim=True)
    assert (standardise(windows) - exact).abs().max() < 3e-6


@given(exponent=st.integers(-100, 100), seed=st.integers(0, 9))
def test_a_power_of_two_changes_nothing_at_all(exponent: int, seed: int) -> None:
    windows = noise(seed=seed).float()
    # Exact on every processor: scaling by a power of two rounds nothing, and the same
    # code then runs on the same numbers, without a matrix product.
    assert torch.equal(standardise(windows * 2.0**exponent), standardise(windows))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("where", ["largest", "smallest"])
def test_the_ends_of_the_number_range_stay_finite(dtype: torch.dtype, where: str) -> None:
    limits = torch.finfo(dtype)
    signs = torch.tensor([1, -1], dtype=dtype).repeat(1, 1024)
    scale = limits.max if where == "largest" else limits.smallest_normal * limits.eps
    torch.testing.assert_close(standardise(signs * scale), standardise(signs))


@pytest.mark.parametrize("value", [0.0, 0.1, -1e30, 1e-44])
def test_a_flat_window_becomes_zeros(value: float) -> None:
    assert not standardise(torch.full((1, 2048), value)).any()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_sample_that_is_not_finite_makes_its_window_nan_and_no_other(value: float) -> None:
    windows = noise(3)
    windows[1, 17] = value
    standardised = standardise(windows)
    assert standardised[1].isnan().all()
    assert standardised[[0, 2]].isfinite().all()
