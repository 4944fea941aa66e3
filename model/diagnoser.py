"""From windows to the probabilities of each bearing state."""

import copy
import json
import logging
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH, FaultLabel
from model import checkpoint
from model.network import FastNetwork, Network
from model.novelty import NOVELTY_FILE, Novelty, NoveltyScore
from model.scaling import standardise

Device = Literal["auto", "cpu", "cuda"]
"""Where to diagnose: `auto` is CUDA where there is one that works, else the CPU."""

Windows = NDArray[np.float32] | NDArray[np.float64] | NDArray[np.int16]
"""Windows (n, 2048) in any unit."""

NETWORK_NAME: Final = "bearing-cnn"
"""Name of this project's network in diagnoses."""

WEIGHTS_FILE: Final = "model.pt"
"""The network's weights, in the assets folder."""

LABELS_FILE: Final = "labels.json"
"""The label decoder, in the assets folder: the labels in the order of the network's outputs."""

_CHUNK: Final = {"cpu": 128, "cuda": 8192}
"""Windows in a forward pass, which bounds memory. On a CPU, the intermediate results of 128 windows
stay in its caches: 1,024 windows at once take 1.4 times as long each."""

_log = logging.getLogger(__name__)


class DeviceError(Exception):
    """The device that was asked for cannot be used; the message states why and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """The network's output for n windows: probabilities and novelty.

    Args:
        probabilities: (n, 4) float32, finite, each row summing to 1, columns as the vocabulary's
            labels.
        novelty: (n,) float32, finite, at least 0: the out-of-distribution score. Above 1 a window
            is novel; one in a hundred of the validation windows is. All 0 where there is no
            description of the windows trained on, as for a checkpoint of another project.
    """

    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]


class Diagnoser:
    """A network on a device, ready to diagnose.

    If the device fails while diagnosing, the diagnoser changes to the CPU permanently, since a CUDA
    error usually leaves the process unable to use CUDA. It diagnoses the same windows again on the
    CPU, changes `device` (which every diagnosis names) and logs a warning.

    Attributes:
        name: Of the network.
        version: First twelve digits of the SHA-256 of the weights: equal weights have the same
            version on every machine.
        labels: Of the columns of the probabilities.
        device: The current device, as torch names it: `cpu`, `cuda`.
    """

    labels: Final[tuple[FaultLabel, ...]] = FAULT_LABELS

    def __init__(
        self,
        network: Network,
        device: str = "cpu",
        name: str = NETWORK_NAME,
        novelty: Novelty | None = None,
    ) -> None:
        """Copy `network` to a device of torch's; raises RuntimeError if the device fails.

        Without `novelty`, the description of the windows trained on, no window is novel.
        """
        self.name = name
        self.version = checkpoint.digest(network)[:12]
        self.device = device
        # Kept on the CPU: weights may not be readable from a device that has failed.
        self._cpu_network = _Examiner(network.cpu(), novelty)
        self._network = copy.deepcopy(self._cpu_network).to(device)

    @classmethod
    def load(
        cls, assets: Path | None = None, device: Device = "auto", threads: int | None = None
    ) -> Self:
        """Load the network from an assets folder.

        Args:
            assets: Folder with `model.pt`, `labels.json` and `novelty.npz`; None for the
                project's own. Without `novelty.npz`, as with a checkpoint of another project, it
                logs a warning and no window is flagged as novel.
            device: Where to diagnose.
            threads: CPU threads of torch in the whole process; None leaves the number as it is.

        Raises:
            checkpoint.CheckpointError: The weights or the labels are not this network's, or
                `novelty.npz` is not these weights'.
            DeviceError: `cuda` was asked for and does not work.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        with resources.as_file(resources.files("assets")) as packaged:
            folder = assets or packaged
            _check_labels(folder / LABELS_FILE)
            network = checkpoint.load(folder / WEIGHTS_FILE)
            novelty = _load_novelty(folder, network)
        return cls(network, _usable(device), novelty=novelty)

    def diagnose(self, windows: Windows) -> NDArray[np.float32]:
        """Return the probability of each label for each window.

        To 1e-5, the probabilities of a window do not depend on its scale or offset, on the rest of
        the batch, on the memory layout, on the number of threads or on the processor. They are not
        equal bit for bit: kernels for matrix products differ in the order of addition. A
        contiguous, writable float32 array is read in place, without copying.

        Args:
            windows: (n, 2048), n ≥ 0, float32, float64 or int16, any unit.

        Returns:
            (n, 4), finite, each row summing to 1; columns as in `labels`. Those of a flat
            window are finite too, but meaningless.

        Raises:
            ValueError: Another shape or dtype, or a sample that is not finite (the message names
                the first such row).
        """
        return self.examine(windows).probabilities

    def examine(self, windows: Windows) -> Examination:
        """Return probabilities and novelty from one forward pass.

        Arguments and errors as for `diagnose`.
        """
        batch = _as_tensor(windows)
        try:
            examination = self._examined(batch)
        except RuntimeError as error:
            if self.device == "cpu":
                raise
            _log.warning("device %s failed, continuing on the CPU: %s", self.device, error)
            self._network, self.device = self._cpu_network, "cpu"
            examination = self._examined(batch)
        _check_finite(examination.probabilities)
        return examination

    @torch.inference_mode()
    def _examined(self, batch: Tensor) -> Examination:
        """Run the network over a batch on the CPU, (n, 2048), chunk by chunk."""
        probabilities = np.empty((len(batch), len(self.labels)), dtype=np.float32)
        novelty = np.zeros(len(batch), dtype=np.float32)
        chunk = _CHUNK.get(self.device, _CHUNK["cpu"])
        for start in range(0, len(batch), chunk):
            windows = batch[start : start + chunk].to(self.device)
            logits, novel = self._network(standardise(windows))
            probabilities[start : start + chunk] = logits.softmax(dim=1).cpu().numpy()
            novelty[start : start + chunk] = novel.cpu().numpy()
        return Examination(probabilities, novelty)


class _Examiner(nn.Module):
    """Standardised windows (n, 2048) in; tempered logits (n, 4) and novelty (n,) out."""

    def __init__(self, network: Network, novelty: Novelty | None) -> None:
        super().__init__()
        self.network = FastNetwork(network)
        self.score = None if novelty is None else NoveltyScore(novelty)
        self.temperature = 1.0 if novelty is None else novelty.temperature

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and novelty; a novelty of 0 where the assets have no description of it."""
        features = self.network.features(windows)
        logits = self.network.decide(features) / self.temperature
        if self.score is None:
            return logits, logits.new_zeros(len(logits))
        return logits, self.score(features)


def _load_novelty(folder: Path, network: Network) -> Novelty | None:
    """Load the description of the windows trained on, if it is in the folder of the weights."""
    path = folder / NOVELTY_FILE
    if path.is_file():
        return Novelty.load(path, network)
    _log.warning(
        "no %s in %s: no window will be flagged as novel; `bearing-stream train` fits one",
        NOVELTY_FILE,
        folder,
    )
    return None


def _as_tensor(windows: Windows) -> Tensor:
    """Return checked windows as a tensor on the CPU; float32 is read in place if torch can."""
    if windows.ndim != 2 or windows.shape[1] != WINDOW_LENGTH:
        raise ValueError(f"expected windows of shape (n, {WINDOW_LENGTH}), got {windows.shape}")
    if windows.dtype.type not in (np.float32, np.float64, np.int16):
        raise ValueError(f"expected float32, float64 or int16 windows, got {windows.dtype}")
    # float32 holds every int16; a float64 window keeps its precision until it is standardised.
    precision = np.float64 if windows.dtype.type is np.float64 else np.float32
    return torch.from_numpy(
        np.require(windows, precision, ["C_CONTIGUOUS", "WRITEABLE", "ALIGNED"])
    )


def _check_finite(probabilities: NDArray[np.float32]) -> None:
    """Raise if a window had a sample that is not finite, which makes all its probabilities NaN.

    Checking four numbers a window is much cheaper than checking its 2048 samples.
    """
    bad = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if len(bad):
        raise ValueError(
            f"window {bad[0]} (row, from 0) holds samples that are not finite; "
            "check windows before they are diagnosed"
        )


def _check_labels(path: Path) -> None:
    """Raise CheckpointError unless the label decoder has the labels in the vocabulary's order."""
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise checkpoint.CheckpointError(f"no readable label decoder at {path}: {error}") from error
    if labels != list(FAULT_LABELS):
        raise checkpoint.CheckpointError(
            f"{path} decodes to {labels}; this network's labels are {list(FAULT_LABELS)}"
        )


def _usable(device: Device) -> str:
    """Return the device as torch names it, after a test on it."""
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return "cpu"
    try:
        torch.zeros(1, device="cuda").sum().item()
    except (RuntimeError, AssertionError) as error:  # AssertionError: a torch built without CUDA
        if device == "cuda":
            raise DeviceError(
                f"CUDA was asked for and cannot be used ({error}); "
                "give the device `cpu` or `auto`, or install the driver and a CUDA build of torch"
            ) from error
        _log.warning("CUDA is present but cannot be used, continuing on the CPU: %s", error)
        return "cpu"
    return "cuda"
