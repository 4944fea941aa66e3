"""Which backend computes the network here."""

import ctypes
import logging
import sys
from importlib.util import find_spec
from typing import Final, Literal

import numpy as np

from bearing_stream.vocabulary import WINDOW_LENGTH
from model.backends import Backend, BackendName
from model.backends.native import NativeBackend, NativeError
from model.backends.plain import PlainBackend
from model.novelty import Novelty
from model.weights import Weights

Device = Literal["auto", "cpu", "cuda"]
"""Where to diagnose: `auto` is CUDA where there is one that works, else the CPU."""

BackendChoice = Literal["auto", BackendName]
"""What computes: `auto` is torch on CUDA, and on a CPU `native`, or `numpy` where that was not
built."""

_DRIVERS = {"win32": "nvcuda.dll"}
"""Platform → library of the NVIDIA driver; `libcuda.so.1` on others."""

_ONE_WINDOW: Final = np.zeros((1, WINDOW_LENGTH), np.float32)

_log = logging.getLogger(__name__)


class DeviceError(Exception):
    """The device or backend that was asked for cannot be used; the message states what to do."""


def opened(
    device: Device,
    backend: BackendChoice,
    weights: Weights,
    novelty: Novelty | None,
    threads: int | None,
) -> Backend:
    """Return the backend that the settings choose.

    Raises:
        DeviceError: The device or the backend cannot be used here.
    """
    if device == "cuda" and backend not in ("auto", "torch"):
        raise DeviceError(f"the backend {backend} runs on a CPU; for CUDA choose `torch` or `auto`")
    if device == "cuda" or (device == "auto" and backend in ("auto", "torch")):
        cuda = _on_cuda(weights, novelty, threads, required=device == "cuda")
        if cuda is not None:
            return cuda
    return on_cpu(backend, weights, novelty, threads)


def on_cpu(
    backend: BackendChoice,
    weights: Weights,
    novelty: Novelty | None,
    threads: int | None = None,
) -> Backend:
    """Return a backend on the CPU; raises DeviceError if the one asked for cannot be used."""
    if backend == "torch":
        return _torch(weights, novelty, threads, "cpu")
    if backend == "numpy":
        return PlainBackend(weights, novelty, threads)
    try:
        return NativeBackend(weights, novelty, threads)
    except NativeError as error:
        if backend == "native":
            raise DeviceError(
                f"{error}; take the backend `auto` or `numpy`, or install this package where there "
                "is a C compiler"
            ) from error
        _log.warning("computing with NumPy, which takes twice as long: %s", error)
        return PlainBackend(weights, novelty, threads)


def _torch(weights: Weights, novelty: Novelty | None, threads: int | None, device: str) -> Backend:
    if find_spec("torch") is None:
        raise DeviceError(
            "PyTorch is not installed, which CUDA and the backend torch need: "
            "pip install 'bearing-stream[torch]'"
        )
    # PyTorch takes two seconds to import and 400 MB: only who uses it pays for it.
    if device == "cuda":
        from model.backends.cuda import CudaBackend

        return CudaBackend(weights, novelty, threads)
    from model.backends.torch_backend import TorchBackend

    return TorchBackend(weights, novelty, threads)


def _on_cuda(
    weights: Weights, novelty: Novelty | None, threads: int | None, required: bool
) -> Backend | None:
    """Return a backend on CUDA; None if CUDA cannot be used and is not required."""
    if not required and (not _has_driver() or find_spec("torch") is None):
        return None
    try:
        backend = _torch(weights, novelty, threads, "cuda")
        # A first kernel: a driver that is too old fails only here.
        backend.examine(_ONE_WINDOW)
    except (RuntimeError, AssertionError) as error:  # AssertionError: a torch built without CUDA
        if required:
            raise DeviceError(
                f"CUDA was asked for and cannot be used ({error}); "
                "give the device `cpu` or `auto`, or install the driver and a CUDA build of torch"
            ) from error
        _log.warning("CUDA is present but cannot be used, continuing on the CPU: %s", error)
        return None
    return backend


def _has_driver() -> bool:
    """Whether an NVIDIA driver is installed; much cheaper to find out than with torch."""
    try:
        ctypes.CDLL(_DRIVERS.get(sys.platform, "libcuda.so.1"))
    except OSError:
        return False
    return True
