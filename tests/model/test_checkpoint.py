"""Checkpoints: published ones load, wrong ones give one clear error, and none runs code."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model import checkpoint
from model.network import Network
from model.weights import CheckpointError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.pt"


def written(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def same(left: Network, right: Network) -> bool:
    return all(map(torch.equal, left.state_dict().values(), right.state_dict().values()))


def test_a_saved_network_is_loaded(path: Path) -> None:
    network = Network()
    checkpoint.save(network, path)
    assert same(checkpoint.load(path), network)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    network = Network()
    checkpoint.save(network, tmp_path / "one.pt")
    checkpoint.save(network, tmp_path / "two.pt")
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "two.pt").read_bytes()


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict"])
def test_a_state_dict_next_to_optimiser_and_epoch_loads(wrapper: str, path: Path) -> None:
    network = Network()
    written({"epoch": 3, "optimizer": {}, wrapper: network.state_dict()}, path)
    assert same(checkpoint.load(path), network)


def test_a_checkpoint_in_the_old_format_loads(path: Path) -> None:
    network = Network()
    torch.save(network.state_dict(), path, _use_new_zipfile_serialization=False)
    assert same(checkpoint.load(path), network)


def test_a_checkpoint_written_from_cuda_loads_on_the_cpu(path: Path) -> None:
    network = Network()
    content = io.BytesIO()
    torch.save(network.state_dict(), content)
    # A file from a CUDA machine differs only in the device that is named with each storage.
    cpu, cuda = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("data.pkl"):
                assert cpu in data
                data = data.replace(cpu, cuda)
            new.writestr(name, data)
    loaded = checkpoint.load(path)
    assert same(loaded, network)
    assert loaded.fc.weight.device.type == "cpu"


def altered(**changes: Any) -> dict[str, Any]:
    weights: dict[str, Any] = dict(Network().state_dict()) | changes
    return {name: weight for name, weight in weights.items() if weight is not None}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (altered(**{"fc.bias": None}), "missing fc.bias"),
        (altered(**{"bn.weight": torch.zeros(5)}), "unexpected bn.weight"),
        (altered(**{"conv.weight": torch.zeros(5, 1, 64)}), r"\(5, 1, 100\).*\(5, 1, 64\)"),
        (altered(**{"fc.bias": torch.zeros(4).double()}), "float32.*float64"),
        (altered(**{"fc.bias": [0.0] * 4}), "expected fc.bias.*got list"),
        pytest.param(
            altered(**{"fc.bias": torch.zeros(4).to_sparse()}),
            "expected fc.bias",
            marks=pytest.mark.filterwarnings("ignore::UserWarning"),
        ),
        (altered(**{"fc.bias": torch.tensor([0, 0, 0, float("nan")])}), "fc.bias.*not finite"),
        ({"state_dict": {}}, "missing conv.weight"),
        ({}, "missing conv.weight"),
        ([torch.zeros(4)], "expected a state dict.*got list"),
        (torch.zeros(4), "expected a state dict.*got Tensor"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(content: Any, message: str, path: Path) -> None:
    with pytest.raises(CheckpointError, match=message) as raised:
        checkpoint.load(written(content, path))
    assert str(path) in str(raised.value)


class Hostile:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "write", [torch.save, lambda obj, path: path.write_bytes(pickle.dumps(obj))]
)
def test_pickled_code_is_refused_and_does_not_run(write: Any, path: Path) -> None:
    trace = path.with_name("trace")
    write(altered(extra=Hostile(trace)), path)
    with pytest.raises(CheckpointError, match="never executed"):
        checkpoint.load(path)
    assert not trace.exists()
    torch.load(path, weights_only=False) if zipfile.is_zipfile(path) else pickle.loads(
        path.read_bytes()
    )
    assert trace.exists(), "the trap must work, or this test shows nothing"


def test_a_whole_pickled_network_is_refused(path: Path) -> None:
    with pytest.raises(CheckpointError, match="other than tensors"):
        checkpoint.load(written(Network(), path))


def test_the_error_for_a_missing_file_names_the_command_that_trains(path: Path) -> None:
    with pytest.raises(CheckpointError, match="bearing-stream train"):
        checkpoint.load(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        checkpoint.load(tmp_path)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_truncated_or_damaged_file_is_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("truncated") / "model.pt"
    checkpoint.save(Network(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CheckpointError, match=path.name):
        checkpoint.load(path)


@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("bytes") / "model.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        checkpoint.load(path)


def test_a_save_that_fails_leaves_the_old_checkpoint(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Network()
    checkpoint.save(old, path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(Network(), path)
    assert same(checkpoint.load(path), old)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_digest_is_of_the_weights() -> None:
    network = Network()
    before = network.weights().digest
    assert before == network.weights().digest
    with torch.no_grad():
        network.fc.bias[3] += 1e-6
    assert network.weights().digest != before
