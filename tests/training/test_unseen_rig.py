"""The protocol *unseen rig*, on a synthetic rig."""

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bearing_stream.recordings import RecordingError
from model.physics.bearing import DRIVE_END
from tests.model.physics.signals import INNER, OUTER, healthy, struck
from training.evaluation.command import command
from training.evaluation.rig_result import UnseenRigs
from training.evaluation.rigs import HealthyPart, read_rigs
from training.evaluation.unseen_rig import (
    NETWORK,
    OTHER_SPEED,
    PHYSICS,
    PHYSICS_OF_FOUR,
    evaluate_rigs,
)

ROW = {
    "rig": "synthetic",
    "detail": "",
    "sampling_rate": "12000",
    "bpfo": str(DRIVE_END.outer),
    "bpfi": str(DRIVE_END.inner),
    "bsf": str(DRIVE_END.ball_spin),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rig with a healthy bearing and two damaged ones, each at two speeds."""
    data = tmp_path_factory.mktemp("rigs")
    rows = []
    for rpm in (1500, 1772):
        signals = {
            "Normal": healthy(40, seed=rpm),
            # Another path than the healthy machine's: a fault changes the shape of the spectrum.
            "OuterRace": np.diff(struck(12, OUTER, rpm), prepend=0),
            "InnerRace": np.diff(struck(12, INNER, rpm), prepend=0),
        }
        for label, windows in signals.items():
            name = f"{label}_{rpm}.npy"
            np.save(data / name, windows.reshape(-1).astype(np.float64))
            rows.append(ROW | {"file": name, "label": label, "rpm_stated": str(rpm)})
    with (data / "index.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return data


def test_faults_of_a_rig_are_found_and_its_controls_are_not(folder: Path) -> None:
    found = evaluate_rigs(read_rigs(folder)).rigs["synthetic"]
    assert found[PHYSICS].measurements == 2 * (20 + 12 + 12)
    assert found[PHYSICS_OF_FOUR].measurements == 2 * (5 + 3 + 3)
    for case in (PHYSICS, PHYSICS_OF_FOUR, "physics, speed x 1.04"):
        assert found[case].healthy_faulty == 0
        assert (found[case].macro_recall or 0) > 0.9
    assert found[PHYSICS].healthy_flagged == 0
    assert (found[NETWORK].healthy_faulty or 0) > 0.5
    assert found[OTHER_SPEED].healthy_flagged == 1


def test_what_a_baseline_is_fitted_to_is_not_tested(folder: Path) -> None:
    part = HealthyPart.of(read_rigs(folder))
    assert len(part.windows) == 2 * (19 * 4 + 1)
    begins = {each.recording.id: first for each, first in part.tested}
    assert begins["Normal_1500"] == begins["Normal_1772"] == 20
    assert begins["OuterRace_1500"] == 0


def test_the_command_writes_the_results_on_other_rigs(folder: Path, tmp_path: Path) -> None:
    options = ["--data", str(tmp_path), "--rigs", str(folder), "--rigs-only"]
    result = CliRunner().invoke(command, [*options, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    written = tmp_path / "out" / "rigs.json"
    assert result.output.endswith(f"read {written}\n")
    stored = written.read_text("utf-8")
    assert set(UnseenRigs.model_validate_json(stored).rigs) == {"synthetic"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "Cage"}, "label"),
        ({"bpfo": "nan"}, "outer < inner"),
        ({"rpm_stated": "fast"}, "fast"),
        ({"file": "none.npy"}, "none"),
    ],
)
def test_an_invalid_index_is_refused_by_file(
    change: dict[str, str], message: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", healthy(2).reshape(-1))
    row = ROW | {"file": "a.npy", "label": "Normal", "rpm_stated": "1500"} | change
    with (tmp_path / "index.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(row))
        table.writeheader()
        table.writerow(row)
    with pytest.raises(RecordingError, match=message):
        read_rigs(tmp_path)
    with pytest.raises(RecordingError, match="cannot be read"):
        read_rigs(tmp_path / "none")
