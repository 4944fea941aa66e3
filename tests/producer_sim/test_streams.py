from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bearing_stream.recordings import Recording, RecordingError
from bearing_stream.recordings.synthetic import bearings
from bearing_stream.sampling import resample
from producer_sim.streams import Form, from_bearing, from_recording, to_counts

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
    counts = np.stack(list(from_recording(recording, Form("int16-le")).measurements))
    assert np.abs(counts).max() == 32_767
    factor = 32_767 / np.abs(recording.samples).max()
    np.testing.assert_allclose(counts, recording.windows() * factor, atol=0.5001)


def test_a_recording_repeats_or_ends(make_recording: Callable[..., Recording]) -> None:
    recording = make_recording(windows=3)
    once = from_recording(recording, Form())
    loop = from_recording(recording, Form(), loop=True)
    assert (once.count, len(list(once.measurements))) == (3, 3)
    assert loop.count == float("inf")
    rounds = list(islice(loop.measurements, 7))
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
    stream = from_recording(short, Form("int16-le"), loop=True)
    assert stream.count == 0
    assert list(stream.measurements) == []


def test_the_true_label_is_sent_only_on_request(make_recording: Callable[..., Recording]) -> None:
    assert from_recording(make_recording(), Form()).fault_label == "InnerRace"
    assert from_recording(make_recording(), Form(), truth=False).fault_label is None
    assert from_bearing(bearings(1)[0], Form(), truth=False).fault_label is None


@pytest.mark.parametrize("first_block", [1, 3, 8])
def test_a_synthetic_bearing_is_the_same_with_any_block_size(first_block: int) -> None:
    bearing = bearings(2, seed=5)[1]
    stream = from_bearing(bearing, Form(), first_block=first_block)
    windows = np.stack(list(islice(stream.measurements, 20)))
    np.testing.assert_allclose(windows, bearing.windows(0, 20), rtol=1e-5, atol=1e-6)
    assert stream.count == float("inf")
    assert stream.source == "/synthetic/5/bearing-0001"
    assert stream.fault_label == bearing.condition.fault
    assert stream.shaft_speed == bearing.rpm


def test_a_synthetic_bearing_in_counts_keeps_one_fine_scale() -> None:
    for bearing in bearings(16):
        counts = np.stack(list(islice(from_bearing(bearing, Form("int16-le")).measurements, 20)))
        ratio = counts.astype(float).ravel() @ bearing.windows(0, 20).ravel()
        factor = ratio / np.square(bearing.windows(0, 20)).sum()
        np.testing.assert_allclose(counts, bearing.windows(0, 20) * factor, atol=0.51)
        assert counts.std() > 500
        assert np.abs(counts).max() < 32_767 / 2


def test_a_loop_of_a_synthetic_bearing_is_another_source() -> None:
    bearing = bearings(1)[0]
    loop = from_bearing(bearing, Form(), loop=True)
    endless = from_bearing(bearing, Form())
    assert loop.source != endless.source
    rounds = list(islice(loop.measurements, 61))
    np.testing.assert_array_equal(rounds[60], rounds[0])
    np.testing.assert_array_equal(rounds[0], next(iter(endless.measurements)))


SECONDS = st.sampled_from([0.1707, 0.25, 1.0, 1.3])


@given(SECONDS, st.sampled_from([12_000, 25_600, 48_000]), st.booleans())
def test_measurements_lie_end_to_end_at_the_rate_of_the_recording(
    seconds: float, rate: int, counts: bool
) -> None:
    samples = np.random.default_rng(0).standard_normal(5 * rate)
    recording = Recording(
        id="1", sensor="1", collection="x", samples=samples, sampling_rate=rate, unit="g"
    )
    stream = from_recording(recording, Form("int16-le" if counts else "float32-le", seconds))
    rows = np.stack(list(stream.measurements))
    assert (stream.sampling_rate, stream.unit) == (rate, "counts" if counts else "g")
    assert rows.shape[1] / rate == stream.period == pytest.approx(seconds, abs=1 / rate)
    factor = 32_767 / np.abs(samples[: rows.size]).max() if counts else 1
    np.testing.assert_allclose(rows.reshape(-1) / factor, samples[: rows.size], atol=1e-3)
    assert samples.size - rows.size < rows.shape[1]


def test_a_recording_shorter_than_a_measurement_is_refused(
    make_recording: Callable[..., Recording],
) -> None:
    with pytest.raises(RecordingError, match=r"lasts 0\.512 s: choose shorter .* than 1 s"):
        from_recording(make_recording(windows=3), Form(seconds=1.0))


@pytest.mark.parametrize("seconds", [None, 0.3, 1.0])
@pytest.mark.parametrize("rate", [12_000, 48_000])
@pytest.mark.parametrize("loop", [False, True])
def test_the_measurements_of_a_synthetic_bearing_are_its_signal(
    seconds: float | None, rate: int, loop: bool
) -> None:
    bearing = bearings(1)[0]
    stream = from_bearing(bearing, Form(seconds=seconds), sampling_rate=rate, loop=loop)
    rows = list(islice(stream.measurements, 4))
    made = np.concatenate(rows) if rate == 12_000 else resample(rows[0], rate)
    signal = bearing.windows(0, 30).reshape(-1)[: made.size]
    if rate == 12_000:
        np.testing.assert_allclose(made, signal, rtol=1e-5, atol=1e-6)
    else:
        # Twice through a filter that ends at 5 kHz.
        assert np.corrcoef(made, signal)[0, 1] > 0.9
    assert stream.period == pytest.approx(seconds or 2048 / 12_000, abs=1e-3)
