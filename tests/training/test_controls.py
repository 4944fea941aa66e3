"""The controls remove what their names state and keep the rest."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import welch

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import SAMPLING_RATE
from training.controls import resampled_as_healthy, without_hum


def gain(before: Recording, after: Recording) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    assert after.samples.shape == before.samples.shape
    frequencies, was = welch(before.samples, SAMPLING_RATE, nperseg=512)
    return frequencies, welch(after.samples, SAMPLING_RATE, nperseg=512)[1] / was


@pytest.fixture
def noise(synthetic: list[Recording]) -> Recording:
    samples = np.random.default_rng(0).standard_normal(100_000)
    return dataclasses.replace(synthetic[0], samples=samples)


def test_resampling_up_and_down_removes_only_what_the_healthy_ones_lost(noise: Recording) -> None:
    frequencies, kept = gain(noise, resampled_as_healthy(noise))
    assert kept[frequencies < 4500].min() > 0.9
    assert kept[frequencies > 5950].max() < 0.5


def test_nothing_is_left_above_4_khz(noise: Recording) -> None:
    frequencies, kept = gain(noise, without_hum(noise))
    assert kept[frequencies < 3500].min() > 0.9
    assert kept[frequencies > 4500].max() < 0.01
