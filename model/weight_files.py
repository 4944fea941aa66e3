"""The files of the weights in an assets folder, in two formats."""

import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from model.weights import CheckpointError, Weights

WEIGHTS_FILE: Final = "model.safetensors"
"""The weights, read without torch."""

TORCH_FILE: Final = "model.pt"
"""The weights as a checkpoint of torch."""


def load_weights(folder: Path) -> Weights:
    """Read the weights of an assets folder.

    Raises:
        CheckpointError: There are none, they are not this network's, the two files hold different
            weights, or there is only a checkpoint of torch and torch is not installed.
    """
    safe, pickled = folder / WEIGHTS_FILE, folder / TORCH_FILE
    if safe.is_file() or not pickled.is_file():
        weights = Weights.load(safe)
        if pickled.is_file() and not _holds(pickled, weights):
            raise CheckpointError(
                f"{safe} and {pickled} hold different weights: remove the file that is not meant"
            )
        return weights
    if find_spec("torch") is None:
        raise CheckpointError(
            f"{pickled} is a checkpoint of PyTorch, which is not installed: "
            "pip install 'bearing-stream[torch]'"
        )
    # Only a checkpoint of torch needs it.
    from model import checkpoint

    return checkpoint.load(pickled).weights()


def _holds(path: Path, weights: Weights) -> bool:
    """Whether a checkpoint of torch holds the bytes of the weights, found without torch.

    A checkpoint is a zip archive with the numbers of each tensor in a file of its own. One in
    torch's old format holds them in another way, and is taken to differ.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            stored = {archive.read(name) for name in archive.namelist() if "/data/" in name}
    except (OSError, zipfile.BadZipFile):
        return False
    return all(array.astype("<f4").tobytes() in stored for array in weights.arrays.values())
