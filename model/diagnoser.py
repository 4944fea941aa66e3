"""From windows to the probabilities of each bearing state."""

import json
import logging
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH, FaultLabel
from model.backends import Backend, BackendName, Windows
from model.backends.choice import BackendChoice, Device, on_cpu, opened
from model.backends.native import NativeBackend
from model.backends.plain import PlainBackend
from model.novelty import NOVELTY_FILE, Novelty
from model.weight_files import load_weights
from model.weights import CheckpointError, Weights

NETWORK_NAME: Final = "bearing-cnn"
"""Name of this project's network in diagnoses."""

LABELS_FILE: Final = "labels.json"
"""The label decoder, in the assets folder: the labels in the order of the network's outputs."""

_log = logging.getLogger(__name__)


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

    If CUDA fails while diagnosing, the diagnoser changes to the CPU permanently, since a CUDA error
    usually leaves the process unable to use CUDA. It diagnoses the same windows again on the CPU,
    changes `device` (which every diagnosis names) and logs a warning.

    Attributes:
        name: Of the network.
        version: First twelve digits of the SHA-256 of the weights: equal weights have the same
            version on every machine.
        labels: Of the columns of the probabilities.
    """

    labels: Final[tuple[FaultLabel, ...]] = FAULT_LABELS

    def __init__(
        self,
        weights: Weights,
        novelty: Novelty | None = None,
        backend: Backend | None = None,
        name: str = NETWORK_NAME,
        threads: int | None = None,
    ) -> None:
        """Prepare to diagnose with these weights.

        Without `novelty`, the description of the windows trained on, no window is novel. Without
        `backend`, which must hold the same weights and novelty, the fastest on a CPU is taken, with
        this number of threads.
        """
        self.name = name
        self.version = weights.digest[:12]
        self._weights, self._novelty, self._threads = weights, novelty, threads
        self._backend = backend or on_cpu("auto", weights, novelty, threads)
        self._failed: Backend | None = None
        self._lock = Lock()

    @classmethod
    def load(
        cls,
        assets: Path | None = None,
        device: Device = "auto",
        threads: int | None = None,
        backend: BackendChoice = "auto",
    ) -> Self:
        """Load the network from an assets folder.

        Args:
            assets: Folder with `model.safetensors` or `model.pt`, `labels.json` and `novelty.npz`;
                None for the project's own. Without `novelty.npz`, as with a checkpoint of another
                project, it logs a warning and no window is flagged as novel.
            device: Where to diagnose.
            threads: CPU threads; None leaves their number to the backend.
            backend: What computes on a CPU; CUDA needs torch.

        Raises:
            weights.CheckpointError: The weights or the labels are not this network's, or
                `novelty.npz` is not these weights'.
            backends.choice.DeviceError: `cuda` was asked for and does not work, or the backend
                cannot be used here.
        """
        with resources.as_file(resources.files("assets")) as packaged:
            folder = assets or packaged
            _check_labels(folder / LABELS_FILE)
            weights = load_weights(folder)
            novelty = _load_novelty(folder, weights)
        chosen = opened(device, backend, weights, novelty, threads)
        return cls(weights, novelty, chosen, threads=threads)

    @property
    def device(self) -> str:
        """Where it diagnoses now: `cpu` or `cuda`."""
        return self._backend.device

    @property
    def backend(self) -> BackendName:
        """What computes now."""
        return self._backend.name

    def take_second_core(self) -> None:
        """Let two threads share large products of NumPy, if that computes, on two cores or more.

        For a process that has a second core to itself: where others take it, the threads wait for
        one another.
        """
        if isinstance(self._backend, PlainBackend) and _cores() > 1:
            self._backend.threads = 2

    @property
    def native(self) -> NativeBackend | None:
        """The backend in C, if that computes now."""
        return self._backend if isinstance(self._backend, NativeBackend) else None

    def diagnose(self, windows: Windows) -> NDArray[np.float32]:
        """Return the probability of each label for each window.

        To 1e-5, the probabilities of a window do not depend on its scale or offset, on the rest of
        the batch, on the memory layout, on the number of threads, on the processor or on the
        backend. They are not equal bit for bit: kernels differ in the order of addition. A
        contiguous, aligned float32 or int16 array is read in place on a CPU.

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
        _check(windows)
        backend = self._backend
        try:
            output = backend.examine(windows)
        except RuntimeError as error:
            if backend.device == "cpu":
                raise
            self._replace(backend, error)
            output = self._backend.examine(windows)
        examination = Examination(*output)
        check_finite(examination.probabilities)
        return examination

    def _replace(self, failed: Backend, error: RuntimeError) -> None:
        """Continue on the CPU, unless another thread has seen to it."""
        with self._lock:
            if self._backend is not failed:
                return
            _log.warning("device %s failed, continuing on the CPU: %s", failed.device, error)
            self._backend = on_cpu("auto", self._weights, self._novelty, self._threads)
            # Not freed: in some versions of PyTorch, an exception then leaves a destructor, which
            # ends the process. See its pull request 178154.
            self._failed = failed


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load_novelty(folder: Path, weights: Weights) -> Novelty | None:
    """Load the description of the windows trained on, if it is in the folder of the weights."""
    path = folder / NOVELTY_FILE
    if path.is_file():
        return Novelty.load(path, weights)
    _log.warning(
        "no %s in %s: no window will be flagged as novel; `bearing-stream train` fits one",
        NOVELTY_FILE,
        folder,
    )
    return None


def _check(windows: Windows) -> None:
    """Raise ValueError unless windows have the shape and a dtype that backends take."""
    if windows.ndim != 2 or windows.shape[1] != WINDOW_LENGTH:
        raise ValueError(f"expected windows of shape (n, {WINDOW_LENGTH}), got {windows.shape}")
    if windows.dtype.type not in (np.float32, np.float64, np.int16):
        raise ValueError(f"expected float32, float64 or int16 windows, got {windows.dtype}")


def check_finite(probabilities: NDArray[np.float32]) -> None:
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
        raise CheckpointError(f"no readable label decoder at {path}: {error}") from error
    if labels != list(FAULT_LABELS):
        raise CheckpointError(
            f"{path} decodes to {labels}; this network's labels are {list(FAULT_LABELS)}"
        )
