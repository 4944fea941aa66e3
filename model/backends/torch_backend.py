"""The network in PyTorch on a CPU, the reference; `cuda` has it on a GPU."""

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from bearing_stream.vocabulary import FAULT_LABELS
from model.backends import BackendName, Output, Windows
from model.network import FastNetwork, Network
from model.novelty import Novelty
from model.scaling import standardise
from model.weights import Weights

_CHUNK: Final = 128
"""Windows in a forward pass: their intermediate results stay in the caches of the CPU, and 1,024
windows at once take 1.4 times as long each."""


class TorchBackend:
    """The network in PyTorch, on a CPU."""

    name: BackendName = "torch"
    device = "cpu"

    def __init__(
        self, weights: Weights, novelty: Novelty | None = None, threads: int | None = None
    ) -> None:
        """Copy the weights.

        Args:
            weights: Of the network.
            novelty: Description of the windows trained on; without it no window is novel.
            threads: CPU threads of torch in the whole process; None is one, since they wait for one
                another actively.
        """
        torch.set_num_threads(threads or 1)
        self._network = NetworkModule(weights, novelty)

    @torch.inference_mode()
    def examine(self, windows: Windows) -> Output:
        """Examine windows; see `Backend.examine`."""
        probabilities = np.empty((len(windows), len(FAULT_LABELS)), dtype=np.float32)
        novelty = np.empty(len(windows), dtype=np.float32)
        for start in range(0, len(windows), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            output = self._network(as_tensor(windows[chunk])).numpy()
            probabilities[chunk], novelty[chunk] = output[:, :-1], output[:, -1]
        return probabilities, novelty


class NetworkModule(nn.Module):
    """All that a backend computes: standardisation, the network, the softmax and the novelty."""

    def __init__(self, weights: Weights, novelty: Novelty | None) -> None:
        super().__init__()
        self.network = FastNetwork(Network.of(weights))
        self.score = None if novelty is None else _Score(novelty)
        self.temperature = 1.0 if novelty is None else novelty.temperature

    def forward(self, windows: Tensor) -> Tensor:
        """Return the output of windows (n, 2048) of int16, float32 or float64, in any unit.

        Returns:
            (n, 5), float32: four probabilities and the novelty, 0 where the assets have no
            description of the windows trained on.
        """
        if not windows.is_floating_point():
            windows = windows.float()  # It holds every int16.
        features = self.network.features(standardise(windows))
        logits = self.network.decide(features) / self.temperature
        novelty = logits.new_zeros(len(logits)) if self.score is None else self.score(features)
        return torch.cat((logits.softmax(dim=1), novelty.unsqueeze(1)), dim=1)


class _Score(nn.Module):
    """Computes the novelty of features, on the device of the network."""

    matrix: Tensor
    shift: Tensor
    means: Tensor
    squares: Tensor

    def __init__(self, novelty: Novelty) -> None:
        super().__init__()
        scaled = novelty.scaled(np.float64)
        self.register_buffer("matrix", torch.from_numpy(scaled.matrix).float())
        self.register_buffer("shift", torch.from_numpy(scaled.shift).float())
        self.register_buffer("means", torch.from_numpy(scaled.means.T.copy()).float())
        squares = np.square(scaled.means).sum(axis=1)
        self.register_buffer("squares", torch.from_numpy(squares).float())

    def forward(self, features: Tensor) -> Tensor:
        """Return the novelty (n,) of windows with the pooled features (n, 190)."""
        whitened = torch.addmm(self.shift, features, self.matrix)
        from_classes = torch.addmm(self.squares, whitened, self.means, alpha=-2)
        from_nearest = from_classes.amin(dim=1) + whitened.square().sum(dim=1)
        return from_nearest.clamp_(min=0).sqrt_()


def as_tensor(windows: Windows) -> Tensor:
    """Return windows as a tensor on the CPU, which reads them in place if torch can."""
    return torch.from_numpy(
        np.require(windows, windows.dtype.type, ["C_CONTIGUOUS", "WRITEABLE", "ALIGNED"])
    )
