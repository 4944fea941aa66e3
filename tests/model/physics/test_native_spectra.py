"""The spectra in C are those in NumPy, at each instruction level there is here."""

import ctypes
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.backends import native as backend
from model.backends.native import Level, levels
from model.physics import native, spectra
from model.physics.bearing import DRIVE_END
from model.physics.lines import line_heights
from model.physics.native import NativeSpectra
from model.physics.spectra import NARROW, WIDE, Reading, Spectra, native_spectra, plain_spectra
from tests.model.physics.signals import BALL, INNER, OUTER, RPM, Floats, healthy, struck

pytestmark = pytest.mark.numeric

BUILT = backend.LIBRARY.is_file()
needs_kernel = pytest.mark.skipif(not BUILT, reason="the kernel in C was not built here")

LEVELS = levels() if BUILT else ()
READINGS = st.sampled_from([NARROW, WIDE])


def kernel(reading: Reading) -> NativeSpectra:
    found = native_spectra(reading)
    assert found is not None
    return found


def machines(count: int, seed: int) -> Floats:
    """Windows of a healthy machine and of three damaged ones, in turn."""
    kinds = [healthy(count, seed), *(struck(count, order) for order in (OUTER, INNER, BALL))]
    return np.stack(kinds, axis=1).reshape(-1, 2048)[:count]


@needs_kernel
@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=20)
@given(
    count=st.integers(0, 40),
    seed=st.integers(0, 99),
    reading=READINGS,
    gain=st.sampled_from([1e-30, 1.0, 1e30]),
    offset=st.sampled_from([0, 30]),
)
def test_they_are_those_in_numpy(
    level: Level, count: int, seed: int, reading: Reading, gain: float, offset: int
) -> None:
    windows = (machines(count, seed) + np.float32(offset)) * np.float32(gain)
    expected = plain_spectra(windows, reading)
    found = Spectra(*kernel(reading).measure(windows, level))
    np.testing.assert_allclose(found.bands, expected.bands, atol=1e-4)
    # Where a view has hardly any power, this is the logarithm of rounding errors: of 100 seeds the
    # worst point was 1.3e-3 apart. The heights, which decide, are held to 1e-4 below.
    np.testing.assert_allclose(found.envelope[:, 4:], expected.envelope[:, 4:], atol=1e-2)
    rows = np.full(count, RPM)
    heights = [line_heights(each.envelope, rows, DRIVE_END).heights for each in (found, expected)]
    np.testing.assert_allclose(heights[0], heights[1], atol=1e-4)


@needs_kernel
@pytest.mark.parametrize("level", LEVELS)
@given(cuts=st.lists(st.integers(0, 40), max_size=4), reading=READINGS)
@settings(max_examples=10)
def test_no_row_depends_on_another(level: Level, cuts: list[int], reading: Reading) -> None:
    windows = machines(40, 5)
    windows[17] *= 1e20
    whole = kernel(reading).measure(windows, level)
    pieces = [kernel(reading).measure(piece, level) for piece in np.split(windows, sorted(cuts))]
    for one, parts in zip(whole, zip(*pieces, strict=True), strict=True):
        # Few windows are measured with other instructions.
        np.testing.assert_allclose(np.concatenate(parts)[:, 4:], one[:, 4:], atol=1e-3)


@needs_kernel
@pytest.mark.parametrize("value", [0, 7, 1e-44, -3e38])
@pytest.mark.parametrize("level", LEVELS)
def test_a_flat_window_has_finite_spectra(level: Level, value: float) -> None:
    windows = np.full((3, 2048), value, np.float32)
    expected = plain_spectra(windows)
    envelope, bands = kernel(NARROW).measure(windows, level)
    np.testing.assert_allclose(envelope, expected.envelope, atol=1e-3)
    np.testing.assert_allclose(bands, expected.bands, rtol=1e-5)


@pytest.fixture
def anew() -> Iterator[None]:
    """The kernel is loaded and checked again, and once more afterwards."""
    for cached in (backend.library, native_spectra):
        cached.cache_clear()
    yield
    for cached in (backend.library, native_spectra):
        cached.cache_clear()


@pytest.mark.usefixtures("anew")
def test_without_the_kernel_they_are_made_with_numpy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "LIBRARY", tmp_path / "_kernel.so")
    assert native_spectra(NARROW) is None
    windows = machines(3, 0)
    found = spectra.spectra(windows)
    np.testing.assert_array_equal(found.envelope, plain_spectra(windows).envelope)


@needs_kernel
@pytest.mark.usefixtures("anew")
def test_a_kernel_that_gives_other_numbers_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    table = native._table
    monkeypatch.setattr(native, "_table", lambda length: table(length)[::-1].copy())
    with caplog.at_level(logging.WARNING):
        assert native_spectra(NARROW) is None
    assert "computing spectra with NumPy" in caplog.text


def test_the_kernel_has_the_structure_that_it_is_called_with() -> None:
    assert ctypes.sizeof(native._Plan) == 8 * (2 + 3 * 2) + 4 * (13 + 12) + 4
