"""What a batch needs of a thread that examines its windows while others are added."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.examined import Examined


class Ahead(Protocol):
    """Examines the windows of a batch as they come; see `model.examiner.Examiner`.

    A batch of fewer windows than are `due`, as live ones are, does without.
    """

    @property
    def has_begun(self) -> bool: ...  # noqa: D102
    @property
    def due(self) -> int: ...  # noqa: D102
    def begin(self, windows: NDArray[np.float32]) -> None: ...  # noqa: D102
    def examined(self, first: int, end: int) -> Examined: ...  # noqa: D102
    def clear(self) -> None: ...  # noqa: D102
