"""How unlike a window is to all that the network was trained on.

A window's distance from a class is Mahalanobis' (1936), in the features that the linear layer sees,
with one covariance for all classes (Lee et al. 2018, arXiv 1807.03888); its novelty is the distance
from the nearest class over the distance that is doubted. The network's own probabilities cannot
say it: 60 Hz hum is an outer-race fault to it, at 97 %.
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
"""What is known of the windows trained on, in the assets folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """What the features of the windows that a network was trained on look like.

    Args:
        weights: SHA-256 of the network's weights: the features are of no other's.
        means: (classes, 190) float32, mean features of each class.
        whitening: (190, 190) float32: features times it have the unit matrix as covariance within
            a class. It is the Cholesky factor of the inverse covariance.
        limit: Distance from the nearest class beyond which a window is novel.
        temperature: What logits are divided by before the softmax (Guo et al. 2017, arXiv
            1706.04599). It is kept here because it, too, is known only after the fit.
    """

    weights: str
    means: NDArray[np.float32]
    whitening: NDArray[np.float32]
    limit: float
    temperature: float = 1.0

    @classmethod
    def load(cls, path: Path, network: Network) -> Self:
        """Read what `save` wrote; nothing in the file is executed.

        Raises:
            checkpoint.CheckpointError: The file is not readable, does not hold what it should, or
                belongs to other weights than `network`'s.
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
        # numpy's reader lets whatever it trips over escape: OSError, ValueError, BadZipFile, ...
        except Exception as error:
            raise checkpoint.CheckpointError(
                f"{path} does not hold what is known of the training windows "
                f"({type(error).__name__}: {error}); fit it again with `bearing-stream train`, or "
                "remove it: then nothing is called novel"
            ) from error
        found._check(path)
        if found.weights != checkpoint.digest(network):
            raise checkpoint.CheckpointError(
                f"{path} belongs to other weights ({found.weights[:12]}) than those beside it "
                f"({checkpoint.digest(network)[:12]}): put back the file that came with the "
                "weights, or remove it: then nothing is called novel"
            )
        return found

    def save(self, path: Path) -> None:
        """Write it so that `path` is never seen half written; OSError if it cannot be."""
        content = io.BytesIO()
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        np.savez(content, **fields)
        checkpoint.write_whole(path, content.getvalue())

    def _check(self, path: Path) -> None:
        """Raise CheckpointError unless shapes, types and numbers are what they must be."""
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
    """Features in, novelty out; runs where the network runs."""

    whitening: Tensor
    offset: Tensor
    means: Tensor
    squares: Tensor

    def __init__(self, novelty: Novelty) -> None:
        """Lay out what is known of the training windows; 1 is the limit."""
        super().__init__()
        whitening = novelty.whitening.astype(np.float64) / novelty.limit
        # Measured from the middle of the classes, so that float32 loses nothing in the squares.
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
