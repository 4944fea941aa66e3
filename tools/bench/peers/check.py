"""Whether a contender did the whole work: every window once, in order, predicted correctly."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.config import load
from bearing_stream.vocabulary import FAULT_LABELS
from model.diagnoser import Diagnoser
from producer_sim import SimulatorSettings, open_streams
from producer_sim.streams import LOOP_WINDOWS
from tools.bench.errors import BenchError
from tools.bench.peers.topics import SENSORS, Written

TOLERANCE: Final = 1e-3
"""Largest difference of a probability from the network's own: beyond rounding, within float32."""


class Expected:
    """What the network computes for the windows of the simulator."""

    def __init__(self, sample_format: str) -> None:
        given = {"source": "synthetic", "loop": True, "sensors": SENSORS}
        settings = load(SimulatorSettings, given | {"sample_format": sample_format})
        diagnoser = Diagnoser.load(device="cpu", backend="numpy")
        self._rows: dict[str, NDArray[np.float32]] = {}
        for stream in open_streams(settings):
            windows = [samples for samples, _ in zip(stream.measurements, range(LOOP_WINDOWS))]  # noqa: B905
            self._rows[stream.sensor] = diagnoser.diagnose(np.stack(windows).astype(np.float32))

    def of(self, sensor: str) -> NDArray[np.float32]:
        """Return the probabilities (60, 4) of the windows that a sensor repeats."""
        return self._rows[sensor]

    def check(self, name: str, written: Sequence[Written]) -> None:
        """Compare diagnoses with the network's, window by window.

        Raises:
            BenchError: A prediction or a probability differs; states of which window.
        """
        numbers: dict[str, int] = defaultdict(int)
        for one in written:
            number = numbers[one.sensor]
            numbers[one.sensor] += 1
            row = self._rows[one.sensor][number % LOOP_WINDOWS]
            found = [one.probabilities.get(label, np.nan) for label in FAULT_LABELS]
            if not (
                one.prediction == FAULT_LABELS[int(row.argmax())]
                and np.abs(row - found).max() <= TOLERANCE
            ):
                raise BenchError(
                    f"{name}: window {number} of {one.sensor}: expected the probabilities "
                    f"{_text(dict(zip(FAULT_LABELS, row.tolist(), strict=True)))}, got "
                    f"{one.prediction or 'no prediction'} with {_text(one.probabilities)}. Were "
                    "windows lost, duplicated or out of order?"
                )


def check_count(name: str, written: Sequence[Written], windows: int, complete: bool) -> None:
    """Check that there are as many diagnoses as windows, or fewer where there was no time for all.

    Raises:
        BenchError: There are too many, too few, or none.
    """
    count = len(written)
    if not 0 < count <= windows or (complete and count < windows):
        raise BenchError(f"{name}: expected {windows} diagnoses, got {count}")


def _text(probabilities: Mapping[str, Any]) -> str:
    return ", ".join(f"{label} {value:.3f}" for label, value in probabilities.items()) or "none"
