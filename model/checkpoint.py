"""Checkpoints of torch: tensors only, never code."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from numpy.typing import NDArray
from torch import Tensor

from model.network import Network
from model.weights import SHAPES, CheckpointError, Weights, check_names, write_atomically

_WRAPPERS: Final = ("state_dict", "model_state_dict")
"""Keys under which training scripts store the state dict, next to optimiser and epoch."""


def load(path: Path) -> Network:
    """Read a checkpoint onto the CPU, independent of the device that it was written from.

    A checkpoint is a state dict, bare or under `state_dict` or `model_state_dict`, as `torch.save`
    writes it. Nothing in it is executed: a file that pickles anything but tensors is refused.

    Returns:
        The network in evaluation mode.

    Raises:
        CheckpointError: The file is missing, truncated or no checkpoint, carries code, or has
            weights with another name, shape or dtype than the network's, or not finite.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"no checkpoint at {path}: train one with `bearing-stream train`"
        ) from error
    # torch's reader raises many types: RuntimeError, EOFError, KeyError, ...
    except Exception as error:
        raise CheckpointError(
            f"{path} is not a readable checkpoint: it is truncated, no torch file at all, or "
            "pickles something other than tensors, which is never executed here; expected a "
            f"state dict written by torch.save ({type(error).__name__})"
        ) from error
    try:
        found = _state_dict(content)
        check_names(found)
        return Network.of(Weights({name: _array(name, found[name]) for name in SHAPES}))
    except ValueError as error:
        raise CheckpointError(f"{path} is no checkpoint of this network: {error}") from error


def save(network: Network, path: Path) -> None:
    """Write the network's state dict atomically.

    Equal weights give equal bytes with the same version of torch.

    Raises:
        OSError: The file cannot be written.
    """
    content = io.BytesIO()
    torch.save({name: weight.cpu() for name, weight in network.state_dict().items()}, content)
    write_atomically(path, content.getvalue())


def _state_dict(content: object) -> Mapping[object, object]:
    """Return the state dict in the content of a file; raises ValueError if there is none."""
    if isinstance(content, Mapping):
        for key in _WRAPPERS:
            wrapped = content.get(key)
            if isinstance(wrapped, Mapping):
                return wrapped
        return content
    raise ValueError(f"expected a state dict (names and tensors), got {type(content).__name__}")


def _array(name: str, found: object) -> NDArray[Any]:
    """Return a tensor as an array; raises ValueError if it is none that NumPy can hold."""
    if not isinstance(found, Tensor):
        raise ValueError(f"expected {name} as a tensor, got {type(found).__name__}")
    try:
        array: NDArray[Any] = found.detach().numpy()
    # Sparse tensors, and types that NumPy lacks.
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"expected {name} as a dense tensor of float32, got {error}") from error
    return array
