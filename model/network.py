"""The network, in the form for definition and training and in the form for inference.

Conv1d(1→5, kernel 100) → tanh → AvgPool1d(50) → flatten 5x38 → Linear(190→4): 1,269 parameters.
The softmax is not part of it: the loss or the diagnoser applies it.
"""

from typing import Self

import torch
from torch import Tensor, nn

from bearing_stream.vocabulary import FAULT_LABELS
from model.weights import CHANNELS, FEATURES, KERNEL, POOL, POOLED, Weights


class Network(nn.Module):
    """The network as it is defined: the reference, and the form for training.

    Its state dict holds `conv.weight` (5, 1, 100), `conv.bias` (5,), `fc.weight` (4, 190) and
    `fc.bias` (4,), all float32: the layout of the checkpoints published for this network.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, CHANNELS, KERNEL)
        self.fc = nn.Linear(FEATURES, len(FAULT_LABELS))

    @classmethod
    def of(cls, weights: Weights) -> Self:
        """Return a network with a copy of these weights, in evaluation mode."""
        network = cls()
        network.load_state_dict({n: torch.from_numpy(w.copy()) for n, w in weights.arrays.items()})
        return network.eval()

    def weights(self) -> Weights:
        """Return a copy of the weights as arrays."""
        return Weights({n: w.cpu().numpy().copy() for n, w in self.state_dict().items()})

    def features(self, windows: Tensor) -> Tensor:
        """Return the pooled features (n, 190) of standardised windows (n, 2048)."""
        filtered = torch.tanh(self.conv(windows.unsqueeze(1)))
        return nn.functional.avg_pool1d(filtered, POOL).flatten(1)

    def forward(self, windows: Tensor) -> Tensor:
        """Return the logits (n, 4) of standardised windows (n, 2048), both float32."""
        logits: Tensor = self.fc(self.features(windows))
        return logits


class FastNetwork(nn.Module):
    """A `Network` for inference only: the same logits to 1e-6, in half the time.

    All 50 outputs of a pool, of all filters, come from one product of 149 samples with a
    block-Toeplitz matrix: each filter shifted by 0 … 49 samples. And tanh(x) = 2·sigmoid(2x) - 1,
    with the 2 moved into the weights and the rest after the average, because torch's tanh takes
    ten times as long as its sigmoid on a CPU.

    A matrix product is used rather than a strided convolution: it is the faster of the two for
    1, 32 and 1,024 windows, and does not run in TF32 on a GPU by default.
    """

    toeplitz: Tensor
    bias: Tensor
    fc_weight: Tensor
    fc_bias: Tensor

    def __init__(self, network: Network) -> None:
        """Copy the weights of `network` into another layout."""
        super().__init__()
        weights = network.state_dict()
        filters = 2 * weights["conv.weight"][:, 0]
        toeplitz = filters.new_zeros(CHANNELS, POOL, KERNEL - 1 + POOL)
        for shift in range(POOL):
            toeplitz[:, shift, shift : shift + KERNEL] = filters
        self.register_buffer("toeplitz", toeplitz.flatten(0, 1).t().contiguous())
        self.register_buffer("bias", 2 * weights["conv.bias"].repeat_interleave(POOL))
        self.register_buffer("fc_weight", weights["fc.weight"].clone())
        self.register_buffer("fc_bias", weights["fc.bias"].clone())

    def features(self, windows: Tensor) -> Tensor:
        """Return the pooled features (n, 190) of standardised windows (n, 2048)."""
        seen = windows[:, : POOLED * POOL + KERNEL - 1]
        spans = seen.unfold(1, KERNEL - 1 + POOL, POOL).reshape(-1, KERNEL - 1 + POOL)
        halves = torch.addmm(self.bias, spans, self.toeplitz).sigmoid_()
        pooled = halves.view(-1, POOLED, CHANNELS, POOL).mean(dim=3)
        return (2 * pooled - 1).transpose(1, 2).flatten(1)

    def decide(self, features: Tensor) -> Tensor:
        """Return the logits (n, 4) of pooled features (n, 190)."""
        return nn.functional.linear(features, self.fc_weight, self.fc_bias)

    def forward(self, windows: Tensor) -> Tensor:
        """Return the logits (n, 4) of standardised windows (n, 2048), both float32."""
        return self.decide(self.features(windows))
