"""Novelty: the out-of-distribution score of a window, relative to the windows trained on.

A window's distance from a class is Mahalanobis' (1936), in the input features of the linear layer,
with one covariance for all classes (Lee et al. 2018, arXiv 1807.03888). Its novelty is the distance
from the nearest class over a limit that 1 % of the validation windows exceed. The network's own
probabilities are no such score: it classifies 60 Hz hum as an outer-race fault at 97 %.
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model import checkpoint
from model.network import FEATURES, Network

NOVELTY_FILE: Final = "novelty.npz"
"""The fitted `Novelty`, in the assets folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """The distribution of the features of the windows that a network was trained on.

    Args:
        weights: SHA-256 of the network's weights, which the features depend on.
        means: (classes, 190) float32, mean features of each class.
        whitening: (190, 190) float32: the features times this matrix have unit covariance within a
            class. It is the Cholesky factor of the inverse covariance.
        limit: Distance from the nearest class beyond which a window is novel.
        temperature: The logits are divided by it before the softmax (Guo et al. 2017, arXiv
            1706.04599). It is part of this file because it, too, is fitted after the weights.
    """

    weights: str
    means: NDArray[np.float32]
    whitening: NDArray[np.float32]
    limit: float
    temperature: float = 1.0

    @classmethod
    def load(cls, path: Path, network: Network) -> Self:
        """Read a file that `save` wrote; nothing in it is executed.

        Raises:
            checkpoint.CheckpointError: The file is not readable or not valid, or belongs to other
                weights than `network`'s.
        """
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
                content = {name: stored[name] for name in stored.files}
            found = cls(
                weights=str(content.pop("weights")),
                means=content.pop("means"),
                whitening=content.pop("whitening"),
                limit=float(content.pop("limit")),
                temperature=float(content.pop("temperature")),
            )
        # numpy's reader raises many types: OSError, ValueError, BadZipFile, ...
        except Exception as error:
            raise checkpoint.CheckpointError(
                f"{path} is no readable description of the training windows "
                f"({type(error).__name__}: {error}); fit it again with `bearing-stream train`, or "
                "remove it: then no window is flagged as novel"
            ) from error
        found._check(path)
        if found.weights != checkpoint.digest(network):
            raise checkpoint.CheckpointError(
                f"{path} belongs to other weights ({found.weights[:12]}) than those next to it "
                f"({checkpoint.digest(network)[:12]}): put back the file that came with the "
                "weights, or remove it: then no window is flagged as novel"
            )
        return found

    def save(self, path: Path) -> None:
        """Write the file atomically; raises OSError if that fails."""
        content = io.BytesIO()
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        np.savez(content, **fields)
        checkpoint.write_atomically(path, content.getvalue())

    def _check(self, path: Path) -> None:
        """Raise CheckpointError unless shapes, types and numbers are valid."""
        classes = max(len(np.atleast_1d(self.means)), 1)
        for name, shape in (("means", (classes, FEATURES)), ("whitening", (FEATURES, FEATURES))):
            array = getattr(self, name)
            if array.dtype != np.float32 or array.shape != shape or not np.isfinite(array).all():
                raise checkpoint.CheckpointError(
                    f"{path}: expected {name} as finite float32 of shape {shape}, got "
                    f"{array.dtype} of shape {array.shape}"
                )
        for name in ("limit", "temperature"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise checkpoint.CheckpointError(f"{path}: expected a {name} above 0, got {value}")


class NoveltyScore(nn.Module):
    """Computes the novelty of features, on the device of the network."""

    whitening: Tensor
    offset: Tensor
    means: Tensor
    squares: Tensor

    def __init__(self, novelty: Novelty) -> None:
        """Prepare the matrices, scaled such that the limit is 1."""
        super().__init__()
        whitening = novelty.whitening.astype(np.float64) / novelty.limit
        # Relative to the middle of the classes, so that float32 squares keep their precision.
        middle = novelty.means.mean(axis=0, dtype=np.float64)
        means = (novelty.means - middle) @ whitening
        self.register_buffer("whitening", _float32(whitening))
        self.register_buffer("offset", _float32(-middle @ whitening))
        self.register_buffer("means", _float32(means.T))
        self.register_buffer("squares", _float32(np.square(means).sum(axis=1)))

    def forward(self, features: Tensor) -> Tensor:
        """Return the novelty (n,) of windows with the pooled features (n, 190)."""
        whitened = torch.addmm(self.offset, features, self.whitening)
        from_classes = torch.addmm(self.squares, whitened, self.means, alpha=-2)
        from_nearest = from_classes.amin(dim=1) + whitened.square().sum(dim=1)
        return from_nearest.clamp_(min=0).sqrt_()


def _float32(array: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))
