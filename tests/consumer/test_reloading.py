"""A running consumer follows changes of its table of sensors, and its model version shows it."""

from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

import consumer.reloading as reloading
from consumer.events import TABLE_CHANGED, TABLE_INVALID
from consumer.reloading import ReloadingAssessor
from consumer.settings import ConsumerSettings
from model.physics import baseline_file
from model.physics.baseline import fit
from model.physics.bearing import DRIVE_END
from model.sensors import Sensors
from model.table_watch import CHECK_INTERVAL, TableWatch
from tests.model.physics.signals import RPM, healthy


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the watch, which each assessment moves beyond the next check."""
    now = [0.0]

    def clock() -> float:
        now[0] += CHECK_INTERVAL
        return now[0]

    def watch(path: Path | None, sensors: Sensors) -> TableWatch:
        return TableWatch(path, sensors, clock)

    monkeypatch.setattr(reloading, "TableWatch", watch)
    return now


def write_table(folder: Path, seed: int) -> Path:
    fitted = fit(healthy(30, seed=seed), np.full(30, RPM), DRIVE_END)
    (folder / "press.json").write_text(baseline_file.to_json(fitted))
    table = folder / "sensors.toml"
    table.write_text('[[sensor]]\npattern = "press/*"\nbaseline = "press.json"\n')
    return table


def has_evidence(assessor: ReloadingAssessor, sensor: str) -> bool:
    found = assessor.assess(healthy(1), np.full(1, RPM), [sensor])
    assert found.evidence is not None
    return bool(np.isfinite(found.evidence.rpm[0]))


@pytest.mark.usefixtures("now")
def test_a_new_table_is_used_and_named_in_the_version(tmp_path: Path) -> None:
    table = write_table(tmp_path, 0)
    assessor = ReloadingAssessor.of(
        ConsumerSettings(device="cpu", diagnoser="physics", sensor_table=table)
    )
    first = assessor.version
    assert has_evidence(assessor, "press/1")
    assert assessor.version == first
    table.write_text(table.read_text().replace("press/*", "pump/*"))
    with capture_logs() as logs:
        assert has_evidence(assessor, "pump/1")
        assert not has_evidence(assessor, "press/1")
    assert assessor.version != first
    assert [line["event"] for line in logs] == [TABLE_CHANGED.name]
    assert logs[0]["model"].endswith(assessor.version)


@pytest.mark.usefixtures("now")
def test_an_invalid_table_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    table = write_table(tmp_path, 0)
    assessor = ReloadingAssessor.of(
        ConsumerSettings(device="cpu", diagnoser="physics", sensor_table=table)
    )
    first = assessor.version
    table.write_text("[[sensor]\n")
    with capture_logs() as logs:
        assert has_evidence(assessor, "press/1")
        assert has_evidence(assessor, "press/1")
    assert [line["event"] for line in logs] == [TABLE_INVALID.name]
    assert "TOML" in logs[0]["reason"]
    assert assessor.version == first
    write_table(tmp_path, 1)
    assert has_evidence(assessor, "press/1")
    assert assessor.version != first
