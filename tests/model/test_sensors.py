"""The table of sensors: which row applies to a sensor, and how invalid tables are refused."""

from pathlib import Path

import numpy as np
import pytest

from model.physics import baseline_file
from model.physics.baseline import fit
from model.physics.bearing import DRIVE_END
from model.sensors import SensorsError, load
from tests.model.physics.signals import healthy

PRESS = baseline_file.to_json(fit(healthy(40), np.full(40, 1750.0), DRIVE_END))


def table(folder: Path, text: str) -> Path:
    (folder / "press.json").write_text(PRESS)
    path = folder / "sensors.toml"
    path.write_text(text)
    return path


def test_the_first_row_that_matches_applies(tmp_path: Path) -> None:
    found = load(
        table(
            tmp_path,
            """
            [[sensor]]
            pattern = "press-7/*"
            baseline = "press.json"
            nominal_rpm = 1480
            network = true
            [[sensor]]
            pattern = "press-*"
            full_scale = 50
            """,
        )
    )
    assert [found.row_index(name) for name in ("press-7/a", "press-8", "pump", "PRESS-8")] == (
        [0, 1, -1, -1]
    )
    first, second = found.rows
    assert first.baseline is not None
    assert (first.baseline.nominal_rpm, first.network, first.full_scale) == (1480, True, None)
    assert (second.baseline, second.network, second.full_scale) == (None, False, 50)


def test_the_default_table_has_the_rigs_sensors_and_no_others() -> None:
    shipped = load()
    for sensor in ("97/DE", "105/DE", "3001/DE", "bearing-0000"):
        row = shipped.rows[shipped.row_index(sensor)]
        assert row.network
        baseline = row.baseline
        assert baseline is not None
        assert baseline.orders == DRIVE_END
    assert [shipped.row_index(name) for name in ("pump/DE", "press-7", "bearing-1")] == [-1] * 3


def test_the_digest_changes_with_any_content_of_the_table_or_its_baselines(tmp_path: Path) -> None:
    row = '[[sensor]]\npattern = "a"\nbaseline = "press.json"\n'
    digests = [
        load(table(tmp_path, text)).digest
        for text in (
            row,
            row,
            row.replace('"a"', '"b"'),
            row + "nominal_rpm = 1700\n",
            row + "network = true\n",
        )
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4
    path = table(tmp_path, row)
    (tmp_path / "press.json").write_text(PRESS.replace("1750", "1751"))
    assert load(path).digest not in digests


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[sensor]", "expected a table of sensors in TOML"),
        ("", "sensor: Field required"),
        ('[[sensor]]\nbaseline = "press.json"', "pattern: Field required"),
        (
            '[[sensor]]\npattern = "a"\nmood = 1',
            r"sensor\.0: 'mood' is no key here; the keys are pattern, baseline",
        ),
        (
            '[[sensor]]\npattern = "a"\nnominal_rmp = 1480',
            r"sensor\.0: 'nominal_rmp' is no key here; did you mean 'nominal_rpm'\?",
        ),
        (
            '[[sensors]]\npattern = "a"',
            r"the table: 'sensors' is no key here; did you mean 'sensor'\?",
        ),
        ('[[sensor]]\npatern = "a"', r"'patern' is no key here; did you mean 'pattern'\?"),
        ('[[sensor]]\npattern = "a"\nfull_scale = -1', "full_scale: .*greater than 0"),
        ('[[sensor]]\npattern = "a"\nbaseline = "none.json"', r"'a': .*none\.json: cannot be read"),
        ('[[sensor]]\npattern = "a"\nbaseline = "sensors.toml"', "'a': .*expected a baseline"),
        (
            '[[sensor]]\npattern = "a"\nbaseline = "press.json"\nnominal_rpm = 36000',
            r"'a': .*294 to \d+ rpm",
        ),
    ],
)
def test_a_wrong_table_is_refused_by_name_and_row(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SensorsError, match=rf"sensors\.toml.*{message}"):
        load(table(tmp_path, text))


def test_a_missing_table_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SensorsError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml")
