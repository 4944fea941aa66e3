"""The statistics in C are those in NumPy, at every level of instructions."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bearing_stream.vocabulary import WINDOW_LENGTH
from model.backends.native import LEVELS, Level, levels
from model.limits import SignalLimits
from model.quality import signal_flags
from model.statistics import (
    NativeStatistics,
    Statistics,
    native_statistics,
    plain_statistics,
)
from tests.model.physics.signals import clipped, dropped, healthy, hum, jumped

pytestmark = pytest.mark.numeric

GOOD = healthy(20)
WINDOWS = np.concatenate(
    [
        GOOD,
        clipped(GOOD[:3], 0.01),
        dropped(GOOD[:3], 16, held=True),
        dropped(GOOD[:3], 15, held=True),
        jumped(GOOD[:3], 2),
        hum(50)[:3],
        np.full((1, WINDOW_LENGTH), 3, np.float32),
        np.rint(GOOD[:3] * 3).astype(np.float32),
    ]
)


def native() -> NativeStatistics:
    found = native_statistics()
    if found is None:
        pytest.skip("the kernel in C was not built")
    return found


def columns(found: Statistics) -> dict[str, NDArray[np.float64]]:
    return {one.name: getattr(found, one.name).astype(np.float64) for one in fields(found)}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1, 3000, 1e12, 1e30, 1e37])
@pytest.mark.parametrize("offset", [0, 5])
def test_c_and_numpy_agree(level: Level, scale: float, offset: float) -> None:
    kernel = native()
    if level not in levels():
        pytest.skip(f"this processor lacks {level}")
    windows = ((WINDOWS + np.float32(offset)) * np.float32(scale)).astype(np.float32)
    expected = columns(plain_statistics(windows, 16))
    found = columns(kernel.measure(windows, 16, level))
    for name, column in expected.items():
        if name == "longest_run":
            np.testing.assert_array_equal(np.maximum(found[name], 15), np.maximum(column, 15))
        elif name in ("high", "low", "middle", "at_level"):
            np.testing.assert_array_equal(found[name], column)
        else:
            # Sums of many samples of both signs: each to the largest of its kind.
            held = np.isfinite(found[name]) & np.isfinite(column)
            assert held.all() or scale > 3000
            assert name != "powers" or held[:, 0].all()
            one, other = (np.where(held, each, 0) for each in (column, found[name]))
            largest = np.abs(one).max(axis=0)
            assert (np.abs(other - one) <= 1e-5 * largest).all(), name


@given(
    st.integers(3, 2048),
    st.lists(st.tuples(st.integers(0, 2047), st.integers(1, 2048)), max_size=4),
)
def test_every_run_of_the_length_is_found(least: int, held: list[tuple[int, int]]) -> None:
    window = healthy(1)[0].copy()
    for begin, length in held:
        window[begin : begin + length] = 0.25
    changes = np.flatnonzero(np.diff(window, prepend=np.nan, append=np.nan))
    longest = int(np.diff(changes).max())
    for found in (native().measure(window[None], least), plain_statistics(window[None], least)):
        run = float(found.longest_run[0])
        assert run == longest if longest >= least else run < least


def test_flags_follow_from_either() -> None:
    limits = SignalLimits()
    expected = signal_flags(plain_statistics(WINDOWS, limits.dropout_samples), limits)
    np.testing.assert_array_equal(signal_flags(WINDOWS, limits), expected)
    assert expected.any(axis=0).all()
