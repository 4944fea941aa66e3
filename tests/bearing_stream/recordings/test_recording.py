from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.recordings import Recording, RecordingError


def recording(samples: np.ndarray, sensor: str = "pump") -> Recording:
    return Recording(
        id="1", sensor=sensor, collection="files", samples=samples, sampling_rate=12_000
    )


@given(size=st.integers(0, 20_000), hop=st.integers(1, 5000))
def test_windows_are_all_complete_ones_at_the_hop_without_a_copy(size: int, hop: int) -> None:
    samples = np.arange(size, dtype=np.float64)
    windows = recording(samples).windows(hop)
    starts = range(0, size - 2048 + 1, hop)
    assert windows.shape == (len(starts), 2048)
    for window, start in zip(windows, starts, strict=True):
        assert window[0] == start
        assert window[-1] == start + 2047
    assert len(starts) == 0 or np.shares_memory(windows, samples)


@given(sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5), hop=st.integers(1, 3000))
def test_no_window_crosses_from_one_stretch_into_the_next(sizes: list[int], hop: int) -> None:
    stretches = [np.full(size, float(number)) for number, size in enumerate(sizes)]
    starts = tuple(np.cumsum(sizes)[:-1].tolist())
    made = replace(recording(np.concatenate(stretches)), starts=starts)
    windows = made.windows(hop)
    assert (windows.min(axis=1) == windows.max(axis=1)).all()
    assert len(windows) == sum(len(range(0, size - 2047, hop)) for size in sizes)
    assert [part.size for part in made.stretches] == sizes


def test_neither_samples_nor_windows_can_be_written() -> None:
    mine = np.zeros(4096)
    made = recording(mine)
    with pytest.raises(ValueError, match="read-only"):
        made.windows()[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        made.samples[0] = 1
    mine[0] = 1  # the caller's own array stays the caller's


def test_a_hop_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="hop must be 1 or more"):
        recording(np.zeros(4096)).windows(0)


@pytest.mark.parametrize(
    "samples",
    [np.zeros((2, 2048)), np.zeros(2048, np.float32), np.array([0.0, np.nan]), np.array([np.inf])],
)
def test_samples_that_are_not_one_finite_float64_row_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(RecordingError):
        recording(samples)


def test_a_window_is_named_after_its_sensor_within_its_source() -> None:
    made = recording(np.zeros(0), sensor="hall 3/pump")
    assert made.source == "/files/hall%203/pump"
    assert made.window_id(17) == "hall 3/pump/000017"
