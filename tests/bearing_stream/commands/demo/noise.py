"""Windows without a bearing."""

from datetime import UTC, datetime

import numpy as np

from bearing_stream.vocabulary import WINDOW_LENGTH, FaultLabel
from bearing_stream.wire import Window


def windows(count: int, label: FaultLabel | None) -> list[Window]:
    """Return windows of noise."""
    samples = np.random.default_rng(0).standard_normal((count, WINDOW_LENGTH))
    time = datetime.now(UTC)
    return [
        Window("/test", f"{label}/{number}", "sensor", time, row, fault_label=label)
        for number, row in enumerate(samples)
    ]
