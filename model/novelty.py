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
from numpy.typing import NDArray

from model.weights import FEATURES, CheckpointError, Weights, write_atomically

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
    def load(cls, path: Path, weights: Weights) -> Self:
        """Read a file that `save` wrote; nothing in it is executed.

        Raises:
            CheckpointError: The file is not readable or not valid, or belongs to other weights.
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
            raise CheckpointError(
                f"{path} is no readable description of the training windows "
                f"({type(error).__name__}: {error}); fit it again with `bearing-stream train`, or "
                "remove it: then no window is flagged as novel"
            ) from error
        found._check(path)
        if found.weights != weights.digest:
            raise CheckpointError(
                f"{path} belongs to other weights ({found.weights[:12]}) than those next to it "
                f"({weights.digest[:12]}): put back the file that came with the "
                "weights, or remove it: then no window is flagged as novel"
            )
        return found

    def scaled(self, precision: type[np.floating] = np.float32) -> "ScaledNovelty":
        """Return the arrays in the form that computes novelty fastest."""
        matrix = self.whitening.astype(np.float64) / self.limit
        # Relative to the middle of the classes, so that float32 squares keep their precision.
        middle = self.means.mean(axis=0, dtype=np.float64)
        arrays = matrix, -middle @ matrix, (self.means - middle) @ matrix
        return ScaledNovelty(*(np.ascontiguousarray(array, precision) for array in arrays))

    def save(self, path: Path) -> None:
        """Write the file atomically; raises OSError if that fails."""
        content = io.BytesIO()
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        np.savez(content, **fields)
        write_atomically(path, content.getvalue())

    def _check(self, path: Path) -> None:
        """Raise CheckpointError unless shapes, types and numbers are valid."""
        classes = max(len(np.atleast_1d(self.means)), 1)
        for name, shape in (("means", (classes, FEATURES)), ("whitening", (FEATURES, FEATURES))):
            array = getattr(self, name)
            if array.dtype != np.float32 or array.shape != shape or not np.isfinite(array).all():
                raise CheckpointError(
                    f"{path}: expected {name} as finite float32 of shape {shape}, got "
                    f"{array.dtype} of shape {array.shape}"
                )
        for name in ("limit", "temperature"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise CheckpointError(f"{path}: expected a {name} above 0, got {value}")


@dataclass(frozen=True, slots=True, eq=False)
class ScaledNovelty:
    """A `Novelty` in units of its limit: features times `matrix`, plus `shift`, are whitened.

    Args:
        matrix: (190, 190).
        shift: (190,).
        means: (classes, 190), whitened.
    """

    matrix: NDArray[np.floating]
    shift: NDArray[np.floating]
    means: NDArray[np.floating]

    def distances(self, features: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the novelty (n,) of windows with the pooled features (n, 190)."""
        whitened = features @ self.matrix + self.shift
        squares = [np.square(whitened - mean).sum(axis=1) for mean in self.means]
        nearest: NDArray[np.floating] = np.sqrt(np.minimum.reduce(squares))
        return nearest
