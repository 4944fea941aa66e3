"""The network for one window at a time in PyTorch, as programs without batches use it."""

import json
from importlib import resources

import numpy as np
import torch

from bearing_stream.vocabulary import FAULT_LABELS
from model.checkpoint import load
from model.network import FastNetwork
from model.weight_files import TORCH_FILE


class OneWindow:
    """Diagnoses one window, float32 in a message's value.

    Args:
        published_form: Compute the network as it was published; otherwise as one matrix product,
            which takes half the time for a single window.
    """

    def __init__(self, published_form: bool) -> None:
        # Faster here than the default of torch, a thread for each core.
        torch.set_num_threads(1)
        with resources.as_file(resources.files("assets")) as assets:
            network = load(assets / TORCH_FILE).eval()
        self._network = network if published_form else FastNetwork(network)

    def __call__(self, value: bytes) -> bytes:
        """Return the diagnosis as JSON."""
        samples = np.frombuffer(value, "<f4")
        samples = (samples - samples.mean()) / samples.std(ddof=1)
        with torch.inference_mode():
            logits = self._network(torch.from_numpy(samples).unsqueeze(0))
            probabilities = logits.softmax(dim=1)[0].tolist()
        by_label = dict(zip(FAULT_LABELS, probabilities, strict=True))
        prediction = max(by_label, key=by_label.__getitem__)
        return json.dumps({"prediction": prediction, "probabilities": by_label}).encode()
