"""A table of sensors is read again when it, or a baseline that it names, has changed."""

from pathlib import Path

import numpy as np
import pytest

from model.physics import baseline_file
from model.physics.baseline import fit
from model.physics.bearing import DRIVE_END
from model.sensors import SensorsError, load
from model.table_watch import CHECK_INTERVAL, TableWatch
from tests.model.physics.signals import RPM, healthy

ROW = '[[sensor]]\npattern = "{0}"\n'
WITH_BASELINE = '[[sensor]]\npattern = "a"\nbaseline = "a.json"\n'


class Watched:
    """A watch over a table in a folder, and a clock that is always beyond the next check."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path = folder / "sensors.toml"
        self.path.write_text(text)
        self.now = 0.0
        self.sensors = load(self.path)
        self.watch = TableWatch(self.path, self.sensors, lambda: self.now)

    def check(self) -> str | None:
        """The pattern of the first row of the table that is new; None if there is none."""
        self.now += CHECK_INTERVAL
        found = self.watch.changed()
        if found is None:
            return None
        self.sensors = found
        return found.rows[0].pattern


def save_baseline(path: Path, seed: int) -> None:
    fitted = fit(healthy(30, seed=seed), np.full(30, RPM), DRIVE_END)
    path.write_text(baseline_file.to_json(fitted))


def test_a_change_between_reading_and_watching_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "sensors.toml"
    path.write_text(ROW.format("a"))
    sensors = load(path)
    path.write_text(ROW.format("b"))
    now = 0.0
    watch = TableWatch(path, sensors, lambda: now)
    now = CHECK_INTERVAL
    found = watch.changed()
    assert found is not None
    assert found.rows[0].pattern == "b"


def test_a_changed_table_is_read_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ROW.format("a"))
    assert watched.check() is None
    watched.path.write_text(ROW.format("press-7"))
    assert watched.check() == "press-7"
    assert watched.check() is None


def test_a_file_that_is_put_in_its_place_is_read(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ROW.format("a"))
    (tmp_path / "new.toml").write_text(ROW.format("b"))
    (tmp_path / "new.toml").replace(watched.path)
    assert watched.check() == "b"


def test_a_touched_table_with_the_same_content_is_no_change(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ROW.format("a"))
    watched.path.write_text("# a comment\n" + ROW.format("a"))
    assert watched.check() is None


def test_a_changed_baseline_is_a_change(tmp_path: Path) -> None:
    save_baseline(tmp_path / "a.json", 0)
    watched = Watched(tmp_path, WITH_BASELINE)
    before = watched.sensors.digest
    assert watched.check() is None
    save_baseline(tmp_path / "a.json", 1)
    assert watched.check() == "a"
    assert watched.sensors.digest != before


def test_an_invalid_table_is_reported_once_and_read_when_it_is_valid(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ROW.format("a"))
    watched.path.write_text("[[sensor]\n")
    with pytest.raises(SensorsError, match="TOML"):
        watched.check()
    assert watched.check() is None
    watched.path.write_text('[[sensor]]\npattern = "a"\nbaselin = "x"\n')
    with pytest.raises(SensorsError, match="baselin"):
        watched.check()
    watched.path.unlink()
    with pytest.raises(SensorsError, match="cannot be read"):
        watched.check()
    watched.path.write_text(ROW.format("c"))
    assert watched.check() == "c"


def test_a_baseline_that_appears_later_is_read(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ROW.format("b"))
    watched.path.write_text(WITH_BASELINE)
    with pytest.raises(SensorsError, match=r"a\.json: cannot be read"):
        watched.check()
    save_baseline(tmp_path / "a.json", 0)
    assert watched.check() == "a"


def test_it_checks_no_more_often_than_its_interval(tmp_path: Path) -> None:
    watched = Watched(tmp_path, ROW.format("a"))
    watched.path.write_text(ROW.format("b"))
    assert watched.watch.changed() is None
    watched.now += 0.99 * CHECK_INTERVAL
    assert watched.watch.changed() is None
    watched.now += 0.02 * CHECK_INTERVAL
    assert watched.watch.changed() is not None


def test_the_table_that_ships_is_not_watched() -> None:
    now = [0.0]
    watch = TableWatch(None, load(), lambda: now[0])
    now[0] = 10.0
    assert watch.changed() is None
