"""Fitting the out-of-distribution score and the temperature of a fitted network."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import Tensor

from model.network import FastNetwork, Network
from model.novelty import Novelty
from model.scaling import standardise
from training.windows import LabelledWindows, TrainingPool

FALSE_FLAGS: Final = 0.01
"""Share of the validation windows beyond the limit."""

_PER_CLASS: Final = 1_500
"""Windows drawn of each class trained on: eight for each feature."""

_RIDGE: Final = 0.1
"""Share of the mean variance that is added to every feature's: neighbouring pools of one filter are
nearly equal, and without it their small differences would dominate the distance."""

_HOTTEST: Final = 10.0
"""Upper bound of the search for the best temperature."""

_CHUNK: Final = 256
"""Windows whose features are computed at a time."""


def fit_novelty(
    network: Network, pool: TrainingPool, validation: LabelledWindows, seed: int
) -> Novelty:
    """Describe the windows that a network was trained on, and fit the limit and the temperature.

    Args:
        network: As fitted to the pool.
        pool: Windows trained on; classes without windows are not described.
        validation: Windows of the same kind, not trained on, of which one in a hundred is novel.
        seed: Of the windows drawn from the pool.
    """
    drawn = pool.draw(_PER_CLASS, np.random.default_rng(seed))
    features = features_of(network, drawn.windows).astype(np.float64)
    classes = np.unique(drawn.labels)
    means = np.stack([features[drawn.labels == label].mean(axis=0) for label in classes])
    unlimited = Novelty(
        weights=network.weights().digest,
        means=means.astype(np.float32),
        whitening=_whitening(features - means[np.searchsorted(classes, drawn.labels)]),
        limit=1.0,
    )
    validated = features_of(network, validation.windows)
    limit = float(np.quantile(unlimited.scaled().distances(validated), 1 - FALSE_FLAGS))
    with torch.inference_mode():
        logits = FastNetwork(network).decide(torch.from_numpy(validated)).numpy().astype(np.float64)
    return Novelty(
        weights=unlimited.weights,
        means=unlimited.means,
        whitening=unlimited.whitening,
        limit=limit,
        temperature=best_temperature(logits, validation.labels),
    )


@torch.inference_mode()
def features_of(network: Network, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the pooled features (n, 190) of windows (n, 2048) in any unit."""
    fast = FastNetwork(network)
    pieces: list[Tensor] = [
        fast.features(standardise(torch.from_numpy(windows[begin : begin + _CHUNK])))
        for begin in range(0, max(len(windows), 1), _CHUNK)
    ]
    features: NDArray[np.float32] = torch.cat(pieces).numpy()
    return features


def best_temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the temperature, from 1 to 10, of the lowest cross-entropy.

    It only lowers the confidence of a network. Where a network is right about every validation
    window, a lower temperature always gives a lower cross-entropy, which is no evidence about its
    confidence on other windows.

    Args:
        logits: (n, 4) before any temperature.
        labels: (n,), index of the truth.
    """
    rows = np.arange(len(labels))

    def cross_entropy(temperature: float) -> float:
        """Return the mean cross-entropy of the tempered logits, in nats."""
        return -float(log_softmax(logits / temperature, axis=1)[rows, labels].mean())

    found = minimize_scalar(cross_entropy, bounds=(1, _HOTTEST), method="bounded")
    return float(found.x) if found.fun < cross_entropy(1.0) else 1.0


def calibration_error(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], bins: int = 15
) -> float:
    """Return the expected calibration error (Guo et al. 2017, arXiv 1706.04599, equation 3).

    The difference between confidence and share of right diagnoses, averaged over bins of
    confidence, weighted by their windows.

    Args:
        probabilities: (n, 4), n ≥ 1.
        labels: (n,), index of the truth.
        bins: Of equal width.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    places = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(places, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def _whitening(residuals: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the Cholesky factor of the inverse of the residuals' covariance, ridge added."""
    covariance = residuals.T @ residuals / len(residuals)
    covariance += _RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32)
