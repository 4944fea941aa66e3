"""The network in PyTorch on CUDA."""

from itertools import cycle
from threading import Lock
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH
from model.backends import BackendName, Output, Windows
from model.backends.torch_backend import NetworkModule, as_tensor
from model.novelty import Novelty
from model.weights import Weights

_LANES: Final = 2
"""While the GPU examines the windows of one lane, the next are copied to the other."""

_LANE_BYTES: Final = 2**24
"""Page-locked memory of a lane for windows: 2,048 of float32, a power of two. It bounds the memory
of the GPU too: for batches of that size, a lane takes 0.5 GB of it."""

_LEAST: Final = 32
"""Windows of the smallest graph: it takes as long as one for a single window."""

_COLUMNS: Final = len(FAULT_LABELS) + 1
"""Of the output of a window: its probabilities and its novelty."""

_LOCK: Final = Lock()
"""PyTorch can capture one graph at a time in a process, and synchronising spoils it."""


class CudaBackend:
    """The network in PyTorch, on the GPU that is the current one.

    Windows are copied to the GPU as they are, int16 as two bytes a sample, and standardised there.
    They go through page-locked memory, which the GPU reads without the CPU: of a batch that is
    larger than a lane, it examines one part while the next is copied.
    """

    name: BackendName = "torch"
    device = "cuda"

    def __init__(
        self, weights: Weights, novelty: Novelty | None = None, threads: int | None = None
    ) -> None:
        """Copy the weights to the GPU.

        Args:
            weights: Of the network.
            novelty: Description of the windows trained on; without it no window is novel.
            threads: CPU threads of torch in the whole process, which copy windows; None is one,
                since they wait for one another actively.

        Raises:
            RuntimeError: CUDA cannot be used.
        """
        torch.set_num_threads(threads or 1)
        with _LOCK:
            network = NetworkModule(weights, novelty).to(self.device)
            self._lanes = [_Lane(network) for _ in range(_LANES)]
            # The streams of the lanes do not wait for that on which the weights are copied.
            torch.cuda.synchronize()

    @torch.inference_mode()
    def examine(self, windows: Windows) -> Output:
        """Examine windows; see `Backend.examine`. Raises RuntimeError where CUDA fails."""
        output = np.empty((len(windows), _COLUMNS), np.float32)
        rows = _LANE_BYTES // (WINDOW_LENGTH * windows.dtype.itemsize)
        with _LOCK:
            for lane, start in zip(cycle(self._lanes), range(0, len(windows), rows), strict=False):
                part = slice(start, start + rows)
                lane.begin(as_tensor(windows[part]), output[part])
            for lane in self._lanes:
                lane.end()
        return output[:, :-1].copy(), output[:, -1].copy()


class _Lane:
    """Examines windows while its caller does something else.

    It launches the thirty kernels of a forward pass as one CUDA graph, because to launch them one
    by one takes longer than the GPU takes for a thousand windows. A graph is for a number of
    windows: a power of two, so that there are few. The rows do not depend on one another, and what
    is computed for those beyond the windows is not read.
    """

    def __init__(self, network: NetworkModule) -> None:
        self._network = network
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._graphs: dict[tuple[torch.dtype, int], torch.cuda.CUDAGraph] = {}
        # They run one after the other, and share their memory.
        self._graph_memory = torch.cuda.graph_pool_handle()
        most = _LANE_BYTES // (WINDOW_LENGTH * torch.int16.itemsize)
        self._windows = torch.empty(_LANE_BYTES, dtype=torch.uint8, pin_memory=True)
        self._output = torch.empty((most, _COLUMNS), pin_memory=True)
        self._windows_there = torch.zeros(_LANE_BYTES, dtype=torch.uint8, device="cuda")
        self._output_there = torch.empty((most, _COLUMNS), device="cuda")
        self._into: NDArray[np.float32] = np.empty((0, _COLUMNS), np.float32)

    def begin(self, windows: Tensor, output: NDArray[np.float32]) -> None:
        """Wait for those begun before, and begin to examine windows.

        Args:
            windows: (n, 2048) on the CPU, of at most `_LANE_BYTES`; they may change afterwards.
            output: (n, 5), in which `end` writes.
        """
        self.end()
        count = len(windows)
        graph = self._graph(windows.dtype, max(1 << (count - 1).bit_length(), _LEAST))
        pinned = _rows(self._windows, windows.dtype, count)
        pinned.copy_(windows)
        with torch.cuda.stream(self._stream):
            _rows(self._windows_there, windows.dtype, count).copy_(pinned, non_blocking=True)
            graph.replay()
            self._output[:count].copy_(self._output_there[:count], non_blocking=True)
        self._into = output

    def end(self) -> None:
        """Wait for the windows that were begun, and write their output."""
        self._stream.synchronize()
        self._into[:] = self._output[: len(self._into)].numpy()
        self._into = self._into[:0]

    def _graph(self, dtype: torch.dtype, count: int) -> torch.cuda.CUDAGraph:
        """Return the graph of a forward pass for so many windows; the first call captures it."""
        if (dtype, count) not in self._graphs:
            graph = torch.cuda.CUDAGraph()
            # What libraries do at their first call cannot be captured.
            with torch.cuda.stream(self._stream):
                self._forward(dtype, count)
            with torch.cuda.graph(
                graph, self._graph_memory, self._stream, capture_error_mode="thread_local"
            ):
                self._forward(dtype, count)
            self._graphs[dtype, count] = graph
        return self._graphs[dtype, count]

    def _forward(self, dtype: torch.dtype, count: int) -> None:
        output = self._network(_rows(self._windows_there, dtype, count))
        self._output_there[:count].copy_(output)


def _rows(memory: Tensor, dtype: torch.dtype, count: int) -> Tensor:
    """Return the memory of the first windows (count, 2048)."""
    return memory.view(dtype)[: count * WINDOW_LENGTH].view(count, WINDOW_LENGTH)
