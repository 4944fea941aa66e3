"""The network in NumPy: it works wherever NumPy does, and is the reference for the kernel in C."""

from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from model.backends import BackendName, Output, Windows
from model.novelty import Novelty
from model.weights import CHANNELS, FEATURES, KERNEL, POOL, POOLED, Weights

Precision = type[np.float32] | type[np.float64]

Floats = NDArray[Any]
"""Of the precision that was asked for."""

_CHUNK: Final = 64
"""Windows at a time: their intermediate results, 4 MB, stay in the caches. Threads share only
products of so many: a smaller one takes less time than they wait for one another."""

_SPAN: Final = KERNEL - 1 + POOL
"""Samples that the outputs of one pool depend on."""


class PlainBackend:
    """The network in NumPy, on a CPU.

    All 50 outputs of a pool, of all filters, come from one product of 149 samples with a
    block-Toeplitz matrix: each filter shifted by 0 … 49 samples.
    """

    name: BackendName = "numpy"
    device = "cpu"

    def __init__(
        self,
        weights: Weights,
        novelty: Novelty | None = None,
        threads: int | None = None,
        precision: Precision = np.float32,
    ) -> None:
        """Prepare the matrices.

        Args:
            weights: Of the network.
            novelty: Description of the windows trained on; without it no window is novel.
            threads: Of the products of `_CHUNK` windows; None is one.
            precision: float64 gives reference values, to 1e-9.
        """
        self._precision: Precision = precision
        self.threads = threads or 1
        # It searches the libraries of the process, for longer than a window takes.
        self._pools = ThreadpoolController()
        filters = weights.arrays["conv.weight"][:, 0]
        toeplitz: Floats = np.zeros((CHANNELS, POOL, _SPAN), precision)
        for shift in range(POOL):
            toeplitz[:, shift, shift : shift + KERNEL] = filters
        bias = np.repeat(weights.arrays["conv.bias"], POOL).astype(precision)
        self._toeplitz: Floats = np.vstack([toeplitz.reshape(-1, _SPAN).T, bias])
        # A product with it is the mean of each pool, and takes less time than `mean`.
        self._pooling: Floats = np.kron(np.eye(CHANNELS), np.full((POOL, 1), 1 / POOL))
        self._pooling = self._pooling.astype(precision)
        temperature = 1.0 if novelty is None else novelty.temperature
        self._weights: Floats = (weights.arrays["fc.weight"].T / temperature).astype(precision)
        self._offsets = (weights.arrays["fc.bias"] / temperature).astype(precision)
        self._whitening = None if novelty is None else novelty.scaled(precision)

    def examine(self, windows: Windows) -> Output:
        """Examine windows; see `Backend.examine`."""
        features: Floats = np.empty((len(windows), FEATURES), self._precision)
        threads = self.threads if len(windows) >= _CHUNK else 1
        with self._pools.limit(limits=threads, user_api="blas"):
            for begin in range(0, len(windows), _CHUNK):
                chunk = slice(begin, begin + _CHUNK)
                features[chunk] = self.features(windows[chunk])
            probabilities = _softmax(features @ self._weights + self._offsets)
            if self._whitening is None:
                novelty: Floats = np.zeros(len(windows), np.float32)
            else:
                novelty = self._whitening.distances(features)
        return probabilities.astype(np.float32, copy=False), novelty.astype(np.float32, copy=False)

    def features(self, windows: Windows) -> Floats:
        """Return the pooled features (n, 190) of windows (n, 2048) in any unit."""
        seen = standardised(windows, self._precision)[:, : (POOLED - 1) * POOL + _SPAN]
        spans: Floats = np.ones((len(seen), POOLED, _SPAN + 1), self._precision)
        # The last column stays 1, for the bias.
        spans[:, :, :_SPAN] = sliding_window_view(seen, _SPAN, axis=1)[:, ::POOL]
        outputs = spans.reshape(-1, _SPAN + 1) @ self._toeplitz
        np.tanh(outputs, out=outputs)
        pooled = (outputs @ self._pooling).reshape(-1, POOLED, CHANNELS)
        features: Floats = pooled.transpose(0, 2, 1).reshape(-1, FEATURES)
        return features


def standardised(windows: Windows, precision: Precision = np.float32) -> Floats:
    """Return each window minus its mean, over its sample standard deviation (n - 1).

    As `scaling.standardise`, which explains each step. A flat window becomes zeros; one with a
    sample that is not finite becomes NaN throughout.

    Args:
        windows: (n, samples), any unit.
        precision: Of the result; float64 windows keep their precision until they are centred.
    """
    wide = np.float64 if windows.dtype.type is np.float64 else precision
    samples = np.asarray(windows, wide)
    low, high = samples.min(axis=1, keepdims=True), samples.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        peak = np.maximum(-low, high)
        factor = np.ldexp(wide(1), np.minimum(-np.frexp(peak)[1], -np.finfo(wide).minexp))
        scaled = samples * factor
        scaled[~np.isfinite(peak[:, 0])] = np.nan
        scaled -= scaled.mean(axis=1, keepdims=True)
        scaled -= scaled.mean(axis=1, keepdims=True)
        squares = np.einsum("ij,ij->i", scaled, scaled)[:, None]
        deviation = np.sqrt(squares / (samples.shape[1] - 1))
        scaled *= np.where(low == high, 0, 1 / deviation)
    centred: Floats = scaled.astype(precision, copy=False)
    return centred


def _softmax(logits: Floats) -> Floats:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares
