"""The files of the weights: what is read, and what is refused."""

import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from model import checkpoint
from model.network import Network
from model.weight_files import load_weights
from model.weights import SHAPES, CheckpointError, Weights

ASSETS = Path(str(files("assets")))


def test_both_files_that_ship_hold_the_same_weights() -> None:
    pickled = checkpoint.load(ASSETS / "model.pt").weights()
    assert Weights.load(ASSETS / "model.safetensors").digest == pickled.digest


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
def test_either_file_alone_is_enough(name: str, tmp_path: Path) -> None:
    shutil.copy(ASSETS / name, tmp_path)
    assert load_weights(tmp_path).digest == load_weights(ASSETS).digest


def test_equal_weights_give_equal_bytes(tmp_path: Path) -> None:
    weights = Network().weights()
    for name in ("one", "other"):
        weights.save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert Weights.load(tmp_path / "one").digest == weights.digest


def test_files_that_hold_different_weights_are_refused(tmp_path: Path) -> None:
    shutil.copy(ASSETS / "model.safetensors", tmp_path)
    checkpoint.save(Network(), tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="different weights: remove"):
        load_weights(tmp_path)


def test_without_torch_its_checkpoint_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ASSETS / "model.pt", tmp_path)
    monkeypatch.setattr("model.weight_files.find_spec", lambda _: None)
    with pytest.raises(CheckpointError, match=r"pip install 'bearing-stream\[torch\]'"):
        load_weights(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*bearing-stream train"):
        load_weights(tmp_path)


@pytest.mark.parametrize("cut", [0, 7, 100, 5000])
def test_a_truncated_file_is_refused(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes((ASSETS / "model.safetensors").read_bytes()[:cut])
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        Weights.load(path)


def zeros() -> dict[str, np.ndarray]:
    return {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fc.bias": np.zeros(5, np.float32)}, r"expected fc.bias as float32 of shape \(4,\)"),
        ({"fc.bias": np.zeros(4)}, "got float64"),
        ({"fc.bias": np.full(4, np.nan, np.float32)}, r"fc.bias holds .* not finite"),
        ({"more": np.zeros(1, np.float32)}, "unexpected more"),
    ],
)
def test_another_network_is_refused(
    changed: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    save_file(zeros() | changed, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=message):
        Weights.load(tmp_path / "model.safetensors")


def test_a_weight_that_is_missing_is_named(tmp_path: Path) -> None:
    arrays = zeros()
    del arrays["conv.weight"]
    save_file(arrays, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing conv\.weight"):
        Weights.load(tmp_path / "model.safetensors")
