from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from bearing_stream.recordings.synthetic import bearings
from producer_sim.streams import from_bearing, from_recording, to_counts

FINITE = arrays(
    np.float64,
    st.integers(1, 50),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)


@given(FINITE, st.floats(0, 1e300))
def test_counts_never_saturate_and_keep_the_shape(
    samples: NDArray[np.float64], full_scale: float
) -> None:
    counts = to_counts(samples, full_scale)
    assert counts.dtype == np.int16
    assert counts.min() >= -32_767
    peak = max(np.abs(samples).max(), full_scale)
    if peak > 0:
        np.testing.assert_allclose(counts, samples / peak * 32_767, atol=0.5 + 1e-9)
    else:
        assert not counts.any()


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
def test_one_factor_serves_a_whole_recording(
    make_recording: Callable[..., Recording], scale: float
) -> None:
    recording = make_recording(scale=scale)
    counts = np.stack(list(from_recording(recording, "int16-le").windows))
    assert np.abs(counts).max() == 32_767
    factor = 32_767 / np.abs(recording.samples).max()
    np.testing.assert_allclose(counts, recording.windows() * factor, atol=0.5001)


def test_a_recording_repeats_or_ends(make_recording: Callable[..., Recording]) -> None:
    recording = make_recording(windows=3)
    once = from_recording(recording, "float32-le")
    loop = from_recording(recording, "float32-le", loop=True)
    assert (once.count, len(list(once.windows))) == (3, 3)
    assert loop.count == float("inf")
    rounds = list(islice(loop.windows, 7))
    np.testing.assert_array_equal(rounds[6], rounds[0])
    np.testing.assert_allclose(rounds[4], recording.windows()[1], rtol=1e-6)
    ids = [loop.window_id(number) for number in range(7)]
    assert len(set(ids)) == 7
    assert ids[:3] == [once.window_id(number) for number in range(3)]
    assert ids[0] == "105/DE/000000"


def test_a_recording_shorter_than_a_window_ends_at_once_even_in_a_loop() -> None:
    short = Recording(
        id="s", sensor="s", collection="files", samples=np.ones(2047), sampling_rate=12_000
    )
    stream = from_recording(short, "int16-le", loop=True)
    assert stream.count == 0
    assert list(stream.windows) == []


def test_the_true_label_is_sent_only_on_request(make_recording: Callable[..., Recording]) -> None:
    assert from_recording(make_recording(), "float32-le").fault_label == "InnerRace"
    assert from_recording(make_recording(), "float32-le", truth=False).fault_label is None
    assert from_bearing(bearings(1)[0], "float32-le", truth=False).fault_label is None


@pytest.mark.parametrize("first_block", [1, 3, 8])
def test_a_synthetic_bearing_is_the_same_with_any_block_size(first_block: int) -> None:
    bearing = bearings(2, seed=5)[1]
    stream = from_bearing(bearing, "float32-le", first_block=first_block)
    windows = np.stack(list(islice(stream.windows, 20)))
    np.testing.assert_allclose(windows, bearing.windows(0, 20), rtol=1e-5, atol=1e-6)
    assert stream.count == float("inf")
    assert stream.source == "/synthetic/5/bearing-0001"
    assert stream.fault_label == bearing.condition.fault
    assert stream.shaft_speed == bearing.rpm


def test_a_synthetic_bearing_in_counts_keeps_one_fine_scale() -> None:
    for bearing in bearings(16):
        counts = np.stack(list(islice(from_bearing(bearing, "int16-le").windows, 20)))
        ratio = counts.astype(float).ravel() @ bearing.windows(0, 20).ravel()
        factor = ratio / np.square(bearing.windows(0, 20)).sum()
        np.testing.assert_allclose(counts, bearing.windows(0, 20) * factor, atol=0.51)
        assert counts.std() > 500
        assert np.abs(counts).max() < 32_767 / 2


def test_a_loop_of_a_synthetic_bearing_is_another_source() -> None:
    bearing = bearings(1)[0]
    loop = from_bearing(bearing, "float32-le", loop=True)
    endless = from_bearing(bearing, "float32-le")
    assert loop.source != endless.source
    rounds = list(islice(loop.windows, 61))
    np.testing.assert_array_equal(rounds[60], rounds[0])
    np.testing.assert_array_equal(rounds[0], next(iter(endless.windows)))
