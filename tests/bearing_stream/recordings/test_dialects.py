"""A table in any dialect holds the numbers that were written."""

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bearing_stream.recordings.files import read_signal
from tests.bearing_stream.recordings.dialects import Dialect, dialects

RATE = 25_600


def vibration(seed: int, scale: float, rows: int) -> list[float]:
    """Values around 0, as a vibration has them."""
    values: list[float] = (np.random.default_rng(seed).normal(size=rows) * scale).tolist()
    return values


FORMS = st.sampled_from([",.1f", ",.4f", "+,.3f", ".5e", ".3E"])
SEEDS = st.integers(0, 1000)
SCALES = st.sampled_from([0.01, 1.0, 700.0, 40_000.0])


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100
)
@given(dialect=dialects(3), form=FORMS, seed=SEEDS, scale=SCALES, rows=st.integers(30, 80))
def test_a_column_next_to_a_time_axis(
    tmp_path: Path, dialect: Dialect, form: str, seed: int, scale: float, rows: int
) -> None:
    signal, other = vibration(seed, scale, rows), vibration(seed + 1, scale, rows)
    cells = [
        [dialect.number(i / RATE, ".8f"), dialect.number(a, form), dialect.number(b, form)]
        for i, (a, b) in enumerate(zip(signal, other, strict=True))
    ]
    path = tmp_path / "export.csv"
    path.write_bytes(dialect.write(["Zeit", "Größe", "Y"], ["s", "g", "m/s²"], cells))
    read = read_signal(path, channel="1")
    expected = [float(format(value, form).replace(",", "")) for value in signal]
    np.testing.assert_allclose(np.concatenate(read.stretches), expected, rtol=1e-12)
    assert read.sampling_rate == RATE
    assert read.origin.unit == ("g" if dialect.heading and dialect.units else "")


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100
)
@given(dialect=dialects(1), form=FORMS, seed=SEEDS, scale=SCALES, rows=st.integers(30, 80))
def test_a_single_column(
    tmp_path: Path, dialect: Dialect, form: str, seed: int, scale: float, rows: int
) -> None:
    signal = vibration(seed, scale, rows)
    path = tmp_path / "export.txt"
    cells = [[dialect.number(value, form)] for value in signal]
    path.write_bytes(dialect.write(["Beschleunigung"], ["m/s²"], cells))
    read = read_signal(path, sampling_rate=RATE)
    expected = [float(format(value, form).replace(",", "")) for value in signal]
    np.testing.assert_allclose(np.concatenate(read.stretches), expected, rtol=1e-12)
