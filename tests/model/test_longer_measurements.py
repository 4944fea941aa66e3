"""Measurements of several windows: what is averaged, what is flagged, and what is left out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bearing_stream.recordings.files import read_file
from bearing_stream.recordings.synthetic import bearings
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS, SAMPLING_RATE
from model.assessor import Assessor
from model.diagnoser import Diagnoser
from model.physics.baseline import fit
from model.physics.bearing import DRIVE_END, BearingOrders
from model.quality import SIGNAL_FLAGS
from model.sensors import SensorRow, Sensors
from tests.model.physics.signals import clipped, dropped, hum, jumped

pytestmark = pytest.mark.numeric

Signal = NDArray[np.float64]

NORMAL = FAULT_LABELS.index("Normal")
SYNTHETIC = {bearing.condition.fault: bearing for bearing in bearings(4, seed=1)}
HEALTHY = SYNTHETIC["Normal"]
WINDOWS = np.concatenate([SYNTHETIC[fault].windows(0, 20) for fault in FAULT_LABELS])
RPM = np.repeat([SYNTHETIC[fault].rpm for fault in FAULT_LABELS], 20)
RIG = ["bearing-0001"] * 80


@pytest.fixture(scope="module")
def network() -> Assessor:
    return Assessor.load(device="cpu", diagnoser="network")


@pytest.fixture(scope="module")
def physics() -> Assessor:
    return Assessor.load(device="cpu", diagnoser="physics")


@pytest.fixture(scope="module")
def baseline() -> Assessor:
    """Of the healthy machine, which the network does not know."""
    fitted = fit(HEALTHY.windows(100, 60), np.full(60, HEALTHY.rpm), DRIVE_END)
    return of_baseline(SensorRow("*", fitted))


def of_baseline(row: SensorRow) -> Assessor:
    return Assessor(Diagnoser.load(device="cpu"), sensors=Sensors((row,), "digest"))


@pytest.mark.parametrize("diagnoser", ["network", "physics"])
def test_a_measurement_of_several_windows_has_the_mean_of_their_evidence(
    diagnoser: str, request: pytest.FixtureRequest
) -> None:
    assessor: Assessor = request.getfixturevalue(diagnoser)
    counts = np.array([1, 4, 15] * 4)
    rpm, sensors = RPM[::20].repeat(3), RIG[:12]
    found, each = assessor.assess(WINDOWS, rpm, sensors, counts), assessor.assess(WINDOWS, RPM, RIG)
    assert (found.probabilities.argmax(axis=1) == np.arange(4).repeat(3)).all()
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found.novelty[1], each.novelty[1:5].mean(), rtol=1e-4)
    np.testing.assert_allclose(found.probabilities[0], each.probabilities[0], atol=1e-4)
    if found.evidence is not None and each.evidence is not None:
        outer = each.evidence.sigmas[61:65, 0].mean()
        assert found.evidence.sigmas[10, 0] == pytest.approx(outer, rel=0.3)


def test_an_event_in_any_window_flags_a_measurement_and_a_state_in_half(
    network: Assessor,
) -> None:
    good, held, cut = WINDOWS[:8], dropped(WINDOWS[:8], 64, held=True), clipped(WINDOWS[:8], 0.02)
    for flag, wrong, least in (("dropout", held, 1), ("clipping", cut, 4)):
        for count in (least - 1, least):
            windows = np.concatenate([wrong[:count], good[count:]])
            found = network.assess(windows, RPM[:1], RIG[:1], np.array([8]))
            assert found.flags[0, QUALITY_FLAGS.index(flag)] == (count == least)


TRANSIENTS: dict[str, Callable[[Signal, Signal], Signal]] = {
    "a step": lambda signal, window: signal + 6 * (window > 1.5),
    "a large step": lambda signal, window: signal + 50 * (window > 3.2),
    "a settling offset": lambda signal, window: signal + 100 * np.exp(-5 * window),
    "a burst of 50 Hz": lambda signal, window: signal + 5 * (window.astype(int) == 2) * tone(50),
    "a burst of 60 Hz": lambda signal, window: signal + 5 * (window.astype(int) == 4) * tone(60),
    "a blow": lambda signal, window: np.clip(
        signal + 30 * np.exp(8 * (2 - window)) * np.sin(9000 * window) * (window > 2), -5, 5
    ),
}
"""Of a signal of five windows whose deviation is 1, by the times of its samples, in windows."""


def tone(hertz: float) -> Signal:
    return np.sin(2 * np.pi * hertz * np.arange(5 * 2048) / SAMPLING_RATE)


def with_transient(signal: Signal, name: str) -> NDArray[np.float32]:
    """Five windows: the signal at a deviation of 1, with a transient."""
    times = np.arange(5 * 2048) / 2048
    return TRANSIENTS[name](signal / signal.std(), times).reshape(5, 2048).astype(np.float32)


@pytest.mark.parametrize("name", TRANSIENTS)
@pytest.mark.parametrize("diagnoser", ["baseline", "network"])
def test_a_transient_in_a_longer_measurement_is_no_fault(
    name: str, diagnoser: str, request: pytest.FixtureRequest
) -> None:
    assessor: Assessor = request.getfixturevalue(diagnoser)
    windows = HEALTHY.windows(200, 20)
    signals = windows.astype(np.float64).reshape(4, -1)
    spoiled = np.concatenate([with_transient(signal, name) for signal in signals])
    found, clean = (
        assessor.assess(each, np.full(4, HEALTHY.rpm), RIG[:4], np.full(4, 5))
        for each in (spoiled, windows)
    )
    assert (found.probabilities.argmax(axis=1) == NORMAL).all()
    assert not found.flags.any()
    np.testing.assert_allclose(found.novelty, clean.novelty, atol=0.2)
    if found.evidence is not None and clean.evidence is not None:
        np.testing.assert_allclose(found.evidence.change, clean.evidence.change, atol=0.8)


@pytest.mark.parametrize("diagnoser", ["network", "physics"])
def test_windows_with_a_signal_flag_are_left_out_where_there_are_others(
    diagnoser: str, request: pytest.FixtureRequest
) -> None:
    assessor: Assessor = request.getfixturevalue(diagnoser)
    rng = np.random.default_rng(2)
    wrong = np.concatenate(
        [jumped(WINDOWS, 3), hum(50)[:80], clipped(WINDOWS, 0.02), dropped(WINDOWS, 64, held=True)]
    )
    counts = rng.integers(1, 6, 40)
    spoiled = rng.random(counts.sum()) < 0.4
    good = WINDOWS[rng.integers(0, 80, len(spoiled))]
    windows = np.where(spoiled[:, None], wrong[rng.integers(0, len(wrong), len(spoiled))], good)
    rpm, sensors = np.full(40, 1772.0), RIG[:40]
    flags = assessor.assess(windows, rpm.repeat(counts), np.repeat(sensors, counts).tolist()).flags
    flagged = flags[:, : len(SIGNAL_FLAGS)].any(axis=1)
    parts = [
        part if own.all() else part[~own]
        for part, own in zip(
            *(np.split(each, np.cumsum(counts)[:-1]) for each in (windows, flagged)), strict=True
        )
    ]
    assert len({len(part) for part in parts}) > 1
    found = assessor.assess(windows, rpm, sensors, counts)
    left = assessor.assess(
        np.concatenate(parts), rpm, sensors, np.array([len(part) for part in parts])
    )
    np.testing.assert_allclose(found.probabilities, left.probabilities, atol=1e-4)
    np.testing.assert_allclose(found.novelty, left.novelty, rtol=1e-4)
    if found.evidence is not None and left.evidence is not None:
        np.testing.assert_allclose(found.evidence.sigmas, left.evidence.sigmas, atol=1e-3)
        np.testing.assert_allclose(found.evidence.change, left.evidence.change, atol=1e-3)


MFPT = BearingOrders(outer=3.245, inner=4.755, ball_spin=2.5546)


@pytest.mark.parametrize("name", TRANSIENTS)
def test_a_transient_in_a_real_measurement_is_no_fault(name: str, rigs_data: Path) -> None:
    first, second = (
        read_file(rigs_data / "MFPT" / f"baseline_{number}.npy", sampling_rate=97656)
        for number in (1, 2)
    )
    fitted = fit(first.windows(512).astype(np.float32), np.full(137, 1500.0), MFPT)
    assessor = of_baseline(SensorRow("*", fitted))
    signals = second.windows()[:35].reshape(7, -1)
    windows = np.concatenate([with_transient(signal, name) for signal in signals])
    found = assessor.assess(windows, np.full(7, 1500.0), RIG[:7], np.full(7, 5))
    assert (found.probabilities.argmax(axis=1) == NORMAL).all()
    assert not found.flags.any()
