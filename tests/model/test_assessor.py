"""The assessor: its results, whether network or physics decides, and its name and version."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from bearing_stream.recordings.cwru import load, present
from bearing_stream.recordings.synthetic import bearings
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS, QualityFlag
from model.assessor import Assessor
from model.diagnoser import Diagnoser
from model.limits import AssessmentLimits
from model.physics import baseline_file
from model.physics.baseline import fit
from model.physics.bearing import DRIVE_END, BearingOrders
from model.sensors import SensorRow, Sensors
from model.settings import AssessmentSettings
from tests.model.physics.signals import clipped, dropped, hum, jumped

pytestmark = pytest.mark.numeric

UNKNOWN = float("nan")

TOLERANCE = 1e-5
"""What the diagnoser promises of one window in two runs."""


@pytest.fixture(scope="module")
def network() -> Assessor:
    return Assessor.load(device="cpu", diagnoser="network")


@pytest.fixture(scope="module")
def physics() -> Assessor:
    return Assessor.load(device="cpu", diagnoser="physics")


SYNTHETIC = {bearing.condition.fault: bearing for bearing in bearings(4, seed=1)}
WINDOWS = np.concatenate([SYNTHETIC[fault].windows(0, 20) for fault in FAULT_LABELS]).astype(
    np.float32
)
TRUTH = np.repeat(np.arange(4), 20)
RPM = np.repeat([SYNTHETIC[fault].rpm for fault in FAULT_LABELS], 20)
RIG = ["bearing-0001"] * 80


def test_the_network_alone_gives_the_diagnosers_results(network: Assessor) -> None:
    found = network.assess(WINDOWS, RPM, RIG)
    alone = Diagnoser.load(device="cpu")
    np.testing.assert_allclose(found.probabilities, alone.diagnose(WINDOWS), atol=TOLERANCE)
    np.testing.assert_allclose(found.novelty, alone.examine(WINDOWS).novelty, rtol=1e-4)
    assert found.evidence is None
    assert (network.name, network.version, network.device) == (alone.name, alone.version, "cpu")


@pytest.mark.parametrize("known", [True, False])
def test_physics_is_right_about_the_rig_and_gives_its_evidence(
    physics: Assessor, known: bool
) -> None:
    found = physics.assess(WINDOWS, RPM if known else np.full(80, UNKNOWN), RIG)
    assert np.mean(found.probabilities.argmax(axis=1) == TRUTH) > 0.95
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)
    evidence = found.evidence
    assert evidence is not None
    assert evidence.decided[FAULT_LABELS.index("Normal") == TRUTH].all()
    assert np.median(evidence.sigmas[FAULT_LABELS.index("OuterRace") == TRUTH, 0]) > 2.5
    assert np.abs(evidence.rpm / RPM - 1).max() < 0.09
    assert np.median(np.abs(evidence.rpm / RPM - 1)) < (1e-9 if known else 0.02)


def test_the_network_decides_for_sensors_without_a_baseline(
    network: Assessor, physics: Assessor
) -> None:
    sensors = [*RIG[:40], *["a pump"] * 40]
    found, alone = physics.assess(WINDOWS, RPM, sensors), network.assess(WINDOWS, RPM, sensors)
    np.testing.assert_allclose(found.probabilities[40:], alone.probabilities[40:], atol=TOLERANCE)
    assert found.evidence is not None
    assert np.isnan(found.evidence.sigmas).any(axis=1).tolist() == [False] * 40 + [True] * 40
    assert np.isnan(found.evidence.rpm).tolist() == [False] * 40 + [True] * 40
    assert not found.evidence.decided[40:].any()


def test_the_network_decides_at_a_speed_at_which_lines_cannot_be_measured(
    physics: Assessor,
) -> None:
    found = physics.assess(WINDOWS[:2], np.array([1e9, RPM[0]]), RIG[:2])
    assert found.evidence is not None
    assert np.isnan(found.evidence.rpm).tolist() == [True, False]


def test_a_window_is_assessed_independently_of_its_batch(physics: Assessor) -> None:
    together = physics.assess(WINDOWS, RPM, RIG)
    for row in range(0, 80, 9):
        rows = slice(row, row + 1)
        alone = physics.assess(WINDOWS[rows], RPM[rows], RIG[rows])
        np.testing.assert_allclose(alone.probabilities, together.probabilities[rows], atol=1e-4)
        # Exact: none of these windows is within 1 % of a limit.
        np.testing.assert_array_equal(alone.flags, together.flags[rows])


@pytest.mark.parametrize(
    ("flag", "windows"),
    [
        ("clipping", clipped(WINDOWS, 0.02)),
        ("dropout", dropped(WINDOWS, 64, held=True)),
        ("jump", jumped(WINDOWS, 3)),
        # Twice the speed of the rig is 60 Hz.
        ("mains-hum", hum(50)[:80]),
        ("novelty", hum(60)[:80]),
        ("novelty", np.random.default_rng(0).standard_normal((80, 2048)).astype(np.float32)),
    ],
)
@pytest.mark.parametrize("diagnoser", ["network", "physics"])
def test_wrong_signals_are_flagged_with_their_reason_by_both_diagnosers(
    flag: QualityFlag, windows: NDArray[np.float32], diagnoser: str, request: pytest.FixtureRequest
) -> None:
    assessor: Assessor = request.getfixturevalue(diagnoser)
    found = assessor.assess(windows, RPM, RIG)
    # In some windows of noise a line stands out, and what physics decides is not novel.
    most = 0.9 if (flag, diagnoser) == ("novelty", "physics") else 0.97
    assert found.flags[:, QUALITY_FLAGS.index(flag)].mean() > most
    assert found.uncertain.mean() > most


def test_limits_are_applied() -> None:
    lenient = Assessor.load(
        device="cpu", limits=AssessmentLimits(novelty_limit=1e9, mains_hum_share=1)
    )
    assert not lenient.assess(hum(50, 1)[:80], RPM, RIG).flags.any()


def test_the_shaft_makes_the_tone_at_its_stated_speed_or_else_at_its_usual_one() -> None:
    """Stated, nominal, or that of the only point of the baseline."""
    healthy = WINDOWS[FAULT_LABELS.index("Normal") == TRUTH]
    slow = fit(healthy, np.full(20, 2000.0), DRIVE_END)
    fast = fit(healthy, np.full(20, 3000.0), DRIVE_END)
    several = fit(np.tile(healthy, (2, 1)), np.repeat([2000.0, 3000.0], 20), DRIVE_END)
    rows = (
        SensorRow("slow", slow),
        SensorRow("fast", fast),
        SensorRow("nominal", dataclasses.replace(slow, nominal_rpm=3000.0)),
        SensorRow("several", several),
    )
    assessor = Assessor(Diagnoser.load(device="cpu"), sensors=Sensors(rows, "digest"))
    names = ["slow", "fast", "nominal", "several", "stranger"]
    column = QUALITY_FLAGS.index("mains-hum")
    for rpm, flagged in (
        (UNKNOWN, [True, False, False, True, True]),
        (3000.0, [False] * 5),
        (2000.0, [True] * 5),
    ):
        found = assessor.assess(hum(50)[:5], np.full(5, rpm), names)
        assert found.flags[:, column].tolist() == flagged


def test_full_scale_is_that_of_the_sensors_row(tmp_path: Path) -> None:
    table = tmp_path / "sensors.toml"
    table.write_text('[[sensor]]\npattern = "a"\nfull_scale = 5.0\n[[sensor]]\npattern = "b"\n')
    assessor = Assessor.load(device="cpu", sensors=table)
    windows = WINDOWS[:3] / np.abs(WINDOWS[:3]).max(axis=1, keepdims=True) * np.float32(5)
    found = assessor.assess(windows, RPM[:3], ["a", "b", "c"])
    assert found.flags[:, QUALITY_FLAGS.index("clipping")].tolist() == [True, False, False]


def test_another_diagnoser_or_table_has_another_name_or_version(
    network: Assessor, physics: Assessor, tmp_path: Path
) -> None:
    table = tmp_path / "sensors.toml"
    table.write_text('[[sensor]]\npattern = "a"\n')
    other = Assessor.load(device="cpu", diagnoser="physics", sensors=table)
    names = {(each.name, each.version) for each in (network, physics, other)}
    assert len(names) == 3
    assert physics.name == "bearing-cnn+physics"


def test_it_is_loaded_as_the_settings_specify(tmp_path: Path) -> None:
    table = tmp_path / "sensors.toml"
    table.write_text("sensor = []")
    settings = AssessmentSettings(diagnoser="physics", sensor_table=table, novelty_limit=1e9)
    assessor = Assessor.of(settings)
    found = assessor.assess(hum(60)[:5], RPM[:5], RIG[:5])
    assert found.evidence is not None
    assert np.isnan(found.evidence.rpm).all()
    assert not found.flags[:, QUALITY_FLAGS.index("novelty")].any()


def test_no_windows_give_an_empty_assessment(physics: Assessor) -> None:
    found = physics.assess(WINDOWS[:0], RPM[:0], [])
    assert found.probabilities.shape == (0, 4)
    assert found.flags.shape == (0, 7)


@pytest.mark.parametrize(("speeds", "sensors"), [(2, 3), (3, 2)])
def test_each_window_needs_its_speed_and_sensor(
    physics: Assessor, speeds: int, sensors: int
) -> None:
    with pytest.raises(ValueError, match="a speed and a sensor for each measurement"):
        physics.assess(WINDOWS[:3], RPM[:speeds], RIG[:sensors])


@pytest.fixture(scope="module")
def real(cwru_data: Path) -> list[Recording]:
    return list(load(cwru_data, present(cwru_data)))


def test_a_healthy_bearing_is_normal_and_not_flagged_on_the_real_rig(
    real: list[Recording], physics: Assessor
) -> None:
    for recording in real:
        if recording.fault == "Normal":
            windows = recording.windows().astype(np.float32)
            for rpm in (recording.rpm, UNKNOWN):
                speeds = np.full(len(windows), rpm)
                found = physics.assess(windows, speeds, [recording.sensor] * len(windows))
                predicted = found.probabilities.argmax(axis=1)
                assert (predicted == FAULT_LABELS.index("Normal")).all()
                assert not found.flags[:, :-1].any()
                assert found.uncertain.mean() <= 0.02


def test_physics_is_right_about_real_races(real: list[Recording], physics: Assessor) -> None:
    right = {"InnerRace": [0, 0], "OuterRace": [0, 0]}
    for recording in real:
        if recording.fault in right:
            windows = recording.windows().astype(np.float32)
            speeds = np.full(len(windows), recording.rpm)
            found = physics.assess(windows, speeds, [recording.sensor] * len(windows))
            assert found.evidence is not None
            predicted = found.probabilities.argmax(axis=1)[found.evidence.decided]
            right[recording.fault][0] += int(
                (predicted == FAULT_LABELS.index(recording.fault)).sum()
            )
            right[recording.fault][1] += len(predicted)
    for hits, decided in right.values():
        assert decided > 600
        assert hits > 0.98 * decided


@pytest.fixture(scope="module")
def auto(tmp_path_factory: pytest.TempPathFactory) -> Assessor:
    """A pump with a baseline, a rig that the network was trained on, and no row for others."""
    folder = tmp_path_factory.mktemp("auto")
    normal = SYNTHETIC["Normal"]
    fitted = fit(normal.windows(100, 60).astype(np.float32), np.full(60, normal.rpm), DRIVE_END)
    (folder / "pump.json").write_text(baseline_file.to_json(fitted))
    table = folder / "sensors.toml"
    table.write_text(
        '[[sensor]]\npattern = "pump"\nbaseline = "pump.json"\n'
        '[[sensor]]\npattern = "rig"\nnetwork = true\n'
        '[[sensor]]\npattern = "fan"\nfull_scale = 50\n'
    )
    return Assessor.load(device="cpu", sensors=table)


def test_physics_decides_alone_about_a_sensor_with_a_baseline(auto: Assessor) -> None:
    found = auto.assess(WINDOWS, RPM, ["pump"] * 80)
    assert found.evidence is not None
    assert found.evidence.decided.all()
    assert np.mean(found.probabilities.argmax(axis=1) == TRUTH) > 0.9
    # Every window of noise is novel to the network, which does not decide here.
    noise = np.random.default_rng(0).standard_normal((40, 2048)).astype(np.float32)
    strange = auto.assess(noise, RPM[:40], ["pump"] * 40)
    assert (strange.novelty > 1).mean() > 0.9
    assert not strange.flags.any()


def test_the_network_decides_where_it_was_trained_on_the_machine(
    auto: Assessor, network: Assessor
) -> None:
    found, alone = auto.assess(WINDOWS, RPM, ["rig"] * 80), network.assess(WINDOWS, RPM, RIG)
    np.testing.assert_allclose(found.probabilities, alone.probabilities, atol=TOLERANCE)
    assert not found.flags[:, QUALITY_FLAGS.index("unknown-machine")].any()


@pytest.mark.parametrize("sensor", ["press-7", "fan", ""])
def test_of_a_machine_that_nothing_is_known_of_the_network_is_uncertain(
    auto: Assessor, network: Assessor, sensor: str
) -> None:
    found, alone = auto.assess(WINDOWS, RPM, [sensor] * 80), network.assess(WINDOWS, RPM, RIG)
    np.testing.assert_allclose(found.probabilities, alone.probabilities, atol=TOLERANCE)
    assert found.flags[:, QUALITY_FLAGS.index("unknown-machine")].all()
    assert not alone.flags[:, QUALITY_FLAGS.index("unknown-machine")].any()


def test_a_speed_that_the_baseline_does_not_hold_is_flagged_and_no_change_is_a_fault_there(
    auto: Assessor,
) -> None:
    noise = np.random.default_rng(0).standard_normal((40, 2048)).astype(np.float32)
    normal = FAULT_LABELS.index("Normal")
    for rpm in (900.0, 1e9):
        found = auto.assess(noise, np.full(40, rpm), ["pump"] * 40)
        assert found.flags[:, QUALITY_FLAGS.index("outside-baseline")].all()
        assert not found.flags[:, QUALITY_FLAGS.index("unknown-machine")].any()
        assert found.evidence is not None
        assert found.evidence.decided.all() == (rpm == 900)
        if rpm == 900:
            assert (found.probabilities.argmax(axis=1) == normal).mean() > 0.95
    inside = auto.assess(noise, RPM[:40], ["pump"] * 40)
    assert (inside.probabilities.argmax(axis=1) != normal).all()


def test_machines_in_one_batch_are_assessed_as_each_alone() -> None:
    """Of other bearings, speeds, points and readings, and with and without a network of theirs."""
    healthy = WINDOWS[FAULT_LABELS.index("Normal") == TRUTH]
    rollers = BearingOrders(outer=7.0921, inner=8.9079, ball_spin=4.1977)
    several = fit(np.concatenate([healthy, healthy]), np.repeat([1200.0, 1797.0], 20), DRIVE_END)
    rows = (
        SensorRow("one", fit(healthy, np.full(20, 1797.0), DRIVE_END), network=True),
        SensorRow("several", several),
        SensorRow("fast", fit(healthy, np.full(20, 3500.0), DRIVE_END)),
        SensorRow("rollers", fit(healthy, np.full(20, 1797.0), rollers), full_scale=5.0),
        SensorRow("nominal", dataclasses.replace(several, nominal_rpm=1250.0)),
        SensorRow("none"),
    )
    assessor = Assessor(Diagnoser.load(device="cpu"), sensors=Sensors(rows, "digest"))
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 4, 30)
    windows = WINDOWS[rng.integers(0, len(WINDOWS), counts.sum())]
    names = rng.choice([*(row.pattern for row in rows), "stranger"], 30).tolist()
    rpm = rng.choice([UNKNOWN, 1200.0, 1797.0, 1700.0, 3500.0, 50_000.0], 30)
    together = assessor.assess(windows, rpm, names, counts)
    assert together.evidence is not None
    ends = np.cumsum(counts)
    for row, (name, end, count) in enumerate(zip(names, ends, counts, strict=True)):
        one = slice(row, row + 1)
        alone = assessor.assess(windows[end - count : end], rpm[one], [name], counts[one])
        assert alone.evidence is not None
        np.testing.assert_array_equal(together.flags[one], alone.flags)
        np.testing.assert_allclose(together.probabilities[one], alone.probabilities, atol=TOLERANCE)
        for field in ("sigmas", "change", "rpm", "found_by", "decided"):
            of_batch, of_one = getattr(together.evidence, field), getattr(alone.evidence, field)
            np.testing.assert_allclose(of_batch[one], of_one, rtol=1e-4, atol=1e-4)
