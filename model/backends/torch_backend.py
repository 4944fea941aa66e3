"""The network in PyTorch: on CUDA, and on a CPU as the reference."""

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

_CHUNK: Final = {"cpu": 128, "cuda": 8192}
"""Windows in a forward pass, which bounds memory. On a CPU, the intermediate results of 128 windows
stay in its caches: 1,024 windows at once take 1.4 times as long each."""


class TorchBackend:
    """The network in PyTorch, on a device of it."""

    name: BackendName = "torch"

    def __init__(
        self,
        weights: Weights,
        novelty: Novelty | None = None,
        threads: int | None = None,
        device: str = "cpu",
    ) -> None:
        """Copy the weights to the device.

        Args:
            weights: Of the network.
            novelty: Description of the windows trained on; without it no window is novel.
            threads: CPU threads of torch in the whole process; None leaves the number as it is.
            device: `cpu` or `cuda`.

        Raises:
            RuntimeError: The device fails.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        self.device = device
        self._network = _Examiner(Network.of(weights), novelty).to(device)

    @torch.inference_mode()
    def examine(self, windows: Windows) -> Output:
        """Examine windows; see `Backend.examine`. Raises RuntimeError where the device fails."""
        batch = _as_tensor(windows)
        probabilities = np.empty((len(batch), len(FAULT_LABELS)), dtype=np.float32)
        novelty = np.zeros(len(batch), dtype=np.float32)
        chunk = _CHUNK[self.device]
        for start in range(0, len(batch), chunk):
            part = batch[start : start + chunk].to(self.device)
            logits, novel = self._network(standardise(part))
            probabilities[start : start + chunk] = logits.softmax(dim=1).cpu().numpy()
            novelty[start : start + chunk] = novel.cpu().numpy()
        return probabilities, novelty


class _Examiner(nn.Module):
    """Standardised windows (n, 2048) in; tempered logits (n, 4) and novelty (n,) out."""

    def __init__(self, network: Network, novelty: Novelty | None) -> None:
        super().__init__()
        self.network = FastNetwork(network)
        self.score = None if novelty is None else _Score(novelty)
        self.temperature = 1.0 if novelty is None else novelty.temperature

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and novelty; a novelty of 0 where the assets have no description of it."""
        features = self.network.features(windows)
        logits = self.network.decide(features) / self.temperature
        if self.score is None:
            return logits, logits.new_zeros(len(logits))
        return logits, self.score(features)


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


def _as_tensor(windows: Windows) -> Tensor:
    """Return windows as a tensor on the CPU; float32 is read in place if torch can."""
    # float32 holds every int16; a float64 window keeps its precision until it is standardised.
    precision = np.float64 if windows.dtype.type is np.float64 else np.float32
    return torch.from_numpy(
        np.require(windows, precision, ["C_CONTIGUOUS", "WRITEABLE", "ALIGNED"])
    )
