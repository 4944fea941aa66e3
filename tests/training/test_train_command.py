"""`bearing-stream train` from files to assets, and its errors."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import savemat

from bearing_stream.recordings import Recording, cwru
from model import sensors
from model.diagnoser import Diagnoser
from model.weight_files import load_weights
from training.card import ModelCard
from training.command import command
from training.scoring import score
from training.split import random_split
from training.windows import cut

pytestmark = pytest.mark.slow

FILES = {"InnerRace": 105, "Ball": 118, "OuterRace": 130}
"""A file of the catalogue at 12 kHz, by fault label."""


@pytest.fixture
def folder(tmp_path: Path, synthetic: list[Recording]) -> Path:
    """Return a folder of synthetic recordings with the names of the real files."""
    data = tmp_path / "data"
    data.mkdir()
    for recording in synthetic:
        number = FILES.get(str(recording.fault), 97)
        samples = recording.samples if number != 97 else np.repeat(recording.samples, 4)
        savemat(data / f"{number}.mat", {f"X{number:03d}_DE_time": samples[:, None]})
    return data


def test_it_writes_assets_that_the_diagnoser_loads(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "assets"
    options = ["--data", str(folder), "--out", str(out), "--epochs", "2", "--seed", "7"]
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 0, result.output
    assert {file.name for file in out.iterdir()} == {
        "model.pt",
        "model.safetensors",
        "labels.json",
        "novelty.npz",
        "model_card.json",
        "MODEL_CARD.md",
        "architecture.png",
        "confusion_matrix.png",
        "training_curves.png",
        "sensors.toml",
    }
    table = sensors.load(out / "sensors.toml")
    assert [row.pattern for row in table.rows] == ["97/DE", "105/DE", "118/DE", "130/DE"]
    assert all(row.network for row in table.rows)
    card = ModelCard.model_validate_json((out / "model_card.json").read_text())
    diagnoser = Diagnoser.load(out, device="cpu")
    assert card.version == diagnoser.version == load_weights(out).digest[:12]
    assert (card.seed, card.epochs) == (7, 2)
    assert [file.id for file in card.data] == ["97", "105", "118", "130"]
    assert not any(file.official for file in card.data)
    assert card.version in result.output

    recordings = list(cwru.load(folder, cwru.present(folder)))
    scored = score(diagnoser, cut(recordings, random_split(recordings, 7).test))
    assert card.test_scores.confusion == scored.counts.tolist()
    text = (out / "MODEL_CARD.md").read_text()
    for part in (card.version, f"{card.test_scores.accuracy:.2%}", "97.mat, 105.mat", "Seed 7"):
        assert part in text


def test_without_recordings_it_names_the_ways_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CWRU_DATA", raising=False)
    monkeypatch.setattr("bearing_stream.recordings.command.default_folder", lambda _: None)
    result = CliRunner().invoke(command, ["--out", str(tmp_path)])
    assert result.exit_code == 2
    for way in ("--data", "CWRU_DATA", "bearing-stream recordings fetch"):
        assert way in result.output


@pytest.mark.parametrize(
    ("files", "message"),
    [((), "no CWRU recording there"), ((105, 118, 130), "no Normal window to train on")],
)
def test_a_folder_without_enough_recordings_gives_one_clear_error(
    files: tuple[int, ...], message: str, folder: Path, tmp_path: Path
) -> None:
    for path in folder.iterdir():
        if int(path.stem) not in files:
            path.unlink()
    out = tmp_path / "assets"
    result = CliRunner().invoke(command, ["--data", str(folder), "--out", str(out)])
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert not out.exists()
