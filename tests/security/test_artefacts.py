"""Files are read as data: no code in them is executed."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from bearing_stream.cli import main
from tests.paths import ASSETS


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


Write = Callable[[Hostile, Path], object]


def pickled(hostile: Hostile, path: Path) -> None:
    path.write_bytes(pickle.dumps(hostile))


def array(hostile: Hostile, path: Path) -> None:
    np.save(path, np.array([hostile] * 4096, dtype=object), allow_pickle=True)


def arrays(hostile: Hostile, path: Path) -> None:
    with np.load(ASSETS / "novelty.npz") as shipped:
        content: dict[str, Any] = dict(shipped)
    np.savez(path, **content | {"means": np.array([hostile], dtype=object)})


FILES: dict[str, list[Write]] = {
    "model.pt": [torch.save, pickled],
    "model.safetensors": [pickled],
    "novelty.npz": [arrays, pickled],
    "sensors.toml": [pickled],
    "baseline.json": [pickled],
    "recording.npy": [array, pickled],
    "recording.mat": [pickled],
    "recording.csv": [pickled],
    "recording.wav": [pickled],
}


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    """A copy of the trained network, a table of sensors with a baseline, and a recording."""
    folder = tmp_path / "assets"
    folder.mkdir()
    for name in ("model.safetensors", "novelty.npz", "labels.json", "model_card.json"):
        shutil.copy(ASSETS / name, folder)
    (folder / "sensors.toml").write_text('[[sensor]]\npattern = ".*"\nbaseline = "baseline.json"\n')
    np.save(folder / "good.npy", np.random.default_rng(7).normal(size=4096))
    return folder


@pytest.mark.parametrize(
    ("name", "write"),
    [(name, write) for name, ways in FILES.items() for write in ways],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_pickle_in_place_of_a_file_is_refused_and_not_executed(
    name: str, write: Write, assets: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    write(Hostile(trace), assets / name)
    recording = assets / (name if name.startswith("recording") else "good.npy")
    arguments = ["diagnose", str(recording), "--rate=12000", f"--assets={assets}"]
    if name in ("sensors.toml", "baseline.json"):
        arguments.append(f"--sensor-table={assets / 'sensors.toml'}")
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit), done.exception
    assert name in done.output
    assert not trace.exists()


@pytest.mark.parametrize("write", [pickled, torch.save])
def test_unpickling_would_execute_it(write: Write, tmp_path: Path) -> None:
    """Without this, the test above shows nothing."""
    trace, path = tmp_path / "trace", tmp_path / "file"
    write(Hostile(trace), path)
    if write is pickled:
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert trace.exists()
