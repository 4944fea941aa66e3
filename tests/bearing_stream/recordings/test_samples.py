import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.samples import LARGEST, one_row, to_model_rate


def tone(frequency: float, rate: float, seconds: float = 2.0) -> np.ndarray:
    times = np.arange(round(seconds * rate)) / rate
    return np.asarray(np.sin(2 * np.pi * frequency * times))


def inner_rms(samples: np.ndarray) -> float:
    """Root of the mean square, away from the ends."""
    return float(np.sqrt(np.mean(samples[1000:-1000] ** 2)))


RATES = [16_000, 20_480, 25_600, 44_100, 48_000, 51_200, 97_656.25]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency", [50, 1000, 4000])
def test_a_tone_in_the_band_is_unchanged(rate: float, frequency: float) -> None:
    out = to_model_rate(tone(frequency, rate), rate)
    expected = tone(frequency, 12_000)
    assert out.size == pytest.approx(expected.size, abs=1)
    n = min(out.size, expected.size)
    # Amplitude and phase at once: what is left after taking the ideal tone away.
    assert inner_rms(out[:n] - expected[:n]) < 0.01


@pytest.mark.parametrize("rate", [44_100, 48_000, 51_200])
@pytest.mark.parametrize("frequency", [7_500, 10_000, 13_000, 20_000])
def test_a_tone_above_the_band_is_removed_without_aliases(rate: float, frequency: int) -> None:
    assert inner_rms(to_model_rate(tone(frequency, rate), rate)) < 0.003


def test_samples_at_the_models_rate_are_not_copied() -> None:
    samples = tone(1000, 12_000)
    assert to_model_rate(samples, 12_000) is samples


def test_an_offset_is_preserved_up_to_the_ends() -> None:
    np.testing.assert_allclose(to_model_rate(np.full(5000, 7.0), 48_000), 7.0, rtol=1e-9)


@given(size=st.integers(1, 5000), rate=st.sampled_from([8_000, 12_000, *RATES]))
def test_the_length_follows_the_rate(size: int, rate: float) -> None:
    out = to_model_rate(np.ones(size), rate)
    assert abs(out.size - size * 12_000 / rate) < 1.01
    assert np.isfinite(out).all()


@pytest.mark.parametrize("rate", [0, -1, 99, 1e9, float("nan"), float("inf")])
def test_an_invalid_rate_is_refused(rate: float) -> None:
    with pytest.raises(RecordingError, match="Hz"):
        to_model_rate(np.zeros(10), rate)


@given(
    values=st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1),
    shape=st.sampled_from([(-1,), (-1, 1), (1, -1)]),
    dtype=st.sampled_from([np.int16, np.int32, np.float32, np.float64]),
)
def test_a_row_or_column_of_any_number_type_becomes_one_row(
    values: list[int], shape: tuple[int, ...], dtype: type
) -> None:
    row = one_row(np.array(values, dtype).reshape(shape), "x")
    assert row.dtype == np.float64
    assert row.tolist() == values


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((2, 3)), "shape"),
        (np.zeros(0), "shape"),
        (np.array(["a"]), "real numbers"),
        (np.array([1 + 2j]), "real numbers"),
        (np.array([0.0, 1.0, np.nan, np.inf]), "2 of 4 samples are not finite, the first at 2"),
        (np.array([0.0, 1e300]), r"1 of 2 samples are too large for float32.*1e\+300, at 1"),
        (np.array([0.0, -3.5e38]), "too large for float32"),
        (np.array(["1e999"]).astype(np.longdouble), "not finite"),
    ],
)
def test_anything_else_is_refused_with_its_place_and_reason(
    values: np.ndarray, reason: str
) -> None:
    with pytest.raises(RecordingError, match=f"here: .*{reason}"):
        one_row(values, "here")


@given(st.lists(st.sampled_from([-LARGEST, 0.0, LARGEST]), min_size=1, max_size=300))
def test_the_largest_samples_stay_finite_in_float32_at_any_rate(values: list[float]) -> None:
    for rate in (8_000, 12_000, 48_000):
        out = to_model_rate(one_row(values, "here"), rate)
        assert np.isfinite(out.astype(np.float32)).all()
