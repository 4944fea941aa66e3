"""What computes the network: C or NumPy on a CPU, torch on CUDA or as the reference on a CPU."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

BackendName = Literal["native", "numpy", "torch"]
"""`native` is C, built where there is a compiler; `numpy` works everywhere; `torch` is PyTorch."""

Windows = NDArray[np.float32] | NDArray[np.float64] | NDArray[np.int16]
"""Windows (n, 2048) in any unit."""

Output = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Probabilities (n, 4), rows summing to 1, and novelty (n,); NaN where a window holds a sample that
is not finite. The rows do not depend on one another, to 1e-5."""


class Backend(Protocol):
    """Weights and novelty, ready to examine windows.

    Attributes:
        name: Which backend it is.
        device: Where it runs: `cpu` or `cuda`.
    """

    name: BackendName
    device: str

    def examine(self, windows: Windows) -> Output:
        """Examine windows.

        Args:
            windows: (n, 2048), n ≥ 0, float32, float64 or int16, any memory layout, not written to.
        """
        ...
