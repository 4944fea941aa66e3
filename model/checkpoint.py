"""Checkpoints of torch: tensors only, never code."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from model.network import Network
from model.weights import CheckpointError, write_atomically

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
    network = Network()
    try:
        network.load_state_dict(_checked(_state_dict(content), network))
    except ValueError as error:
        raise CheckpointError(f"{path} is no checkpoint of this network: {error}") from error
    return network.eval()


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


def _checked(found: Mapping[object, object], network: Network) -> dict[str, Tensor]:
    """Return the weights; raises ValueError that names the first that is wrong."""
    expected = network.state_dict()
    missing = [name for name in expected if name not in found]
    unexpected = [str(name) for name in found if name not in expected]
    if missing or unexpected:
        raise ValueError(
            f"missing {', '.join(missing) or 'nothing'}; unexpected "
            f"{', '.join(sorted(unexpected)[:5]) or 'nothing'}; expected {', '.join(expected)}"
        )
    return {name: _weight(name, found[name], like) for name, like in expected.items()}


def _weight(name: str, found: object, like: Tensor) -> Tensor:
    """Return `found` if it is a finite tensor of the shape and dtype of `like`."""
    expected = f"expected {name} as {like.dtype} of shape {tuple(like.shape)}"
    if not isinstance(found, Tensor):
        raise ValueError(f"{expected}, got {type(found).__name__}")
    if found.layout != torch.strided or found.dtype != like.dtype or found.shape != like.shape:
        raise ValueError(f"{expected}, got {found.dtype} of shape {tuple(found.shape)}")
    if not bool(torch.isfinite(found).all()):
        raise ValueError(f"{name} holds weights that are not finite")
    return found
