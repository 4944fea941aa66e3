"""The network's weights as arrays, and their file: no torch is needed to diagnose on a CPU."""

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as parse
from safetensors.numpy import save as serialise

from bearing_stream.vocabulary import FAULT_LABELS

CHANNELS: Final = 5
"""Filters of the convolution."""

KERNEL: Final = 100
"""Samples under a filter: 8.3 ms at 12 kHz."""

POOL: Final = 50
"""Outputs of a filter averaged into one feature."""

POOLED: Final = 38
"""Averages of each filter over a window: the last 49 of its 1,949 outputs are left out."""

FEATURES: Final = CHANNELS * POOLED
"""Features of a window, filter by filter: the input of the linear layer."""

SHAPES: Final[Mapping[str, tuple[int, ...]]] = {
    "conv.weight": (CHANNELS, 1, KERNEL),
    "conv.bias": (CHANNELS,),
    "fc.weight": (len(FAULT_LABELS), FEATURES),
    "fc.bias": (len(FAULT_LABELS),),
}
"""Names and shapes of the weights, all float32: those of the checkpoints published for this
network."""


class CheckpointError(Exception):
    """A file is no checkpoint of this network; the message states why and what was expected."""


@dataclass(frozen=True, eq=False)
class Weights:
    """The network's weights.

    Args:
        arrays: float32, finite, with the names and shapes of `SHAPES`.

    Raises:
        ValueError: A name, shape or dtype is another, or a number is not finite; the message names
            the first.
    """

    arrays: Mapping[str, NDArray[np.float32]]

    def __post_init__(self) -> None:
        check_names(self.arrays)
        for name, shape in SHAPES.items():
            array = self.arrays[name]
            if array.dtype != np.float32 or array.shape != shape:
                raise ValueError(
                    f"expected {name} as float32 of shape {shape}, got {array.dtype} of shape "
                    f"{array.shape}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds weights that are not finite")

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the weights, independent of the file that holds them."""
        sha256 = hashlib.sha256()
        for name, array in sorted(self.arrays.items()):
            sha256.update(name.encode())
            sha256.update(array.astype("<f4").tobytes())
        return sha256.hexdigest()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file in the format `safetensors`, which holds arrays and never code.

        Raises:
            CheckpointError: The file is missing, truncated, not in this format, or holds the
                weights of another network.
        """
        try:
            arrays = parse(path.read_bytes())
        except FileNotFoundError as error:
            raise CheckpointError(
                f"no checkpoint at {path}: train one with `bearing-stream train`"
            ) from error
        # Of dtypes that numpy lacks (bfloat16) it raises KeyError or TypeError.
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{path} is not a readable checkpoint: expected weights in the format "
                f"safetensors ({type(error).__name__}: {error})"
            ) from error
        try:
            return cls(arrays)
        except ValueError as error:
            raise CheckpointError(f"{path} is no checkpoint of this network: {error}") from error

    def save(self, path: Path) -> None:
        """Write the file atomically; raises OSError. Equal weights give equal bytes."""
        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
        write_atomically(path, serialise(arrays))


def check_names(found: Collection[object]) -> None:
    """Raise ValueError unless these are the names of the network's weights."""
    missing = [name for name in SHAPES if name not in found]
    unexpected = [str(name) for name in found if name not in SHAPES]
    if missing or unexpected:
        raise ValueError(
            f"missing {', '.join(missing) or 'nothing'}; unexpected "
            f"{', '.join(sorted(unexpected)[:5]) or 'nothing'}; expected {', '.join(SHAPES)}"
        )


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file atomically: a reader finds the old content or the new; raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
